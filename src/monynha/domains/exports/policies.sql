-- Rights on exports of one's own data. Applied as a whole by `monynha migrate`. An export holds all that its user may
-- see, so its file is for that user alone: no system admin reads it, nor a token that is limited to less.

create policy "owner role: full access for migrations and triggers" on monynha.data_exports
  for all to monynha_owner using (true) with check (true);

create policy "users can view their own data exports" on storage.objects for select to monynha_app, monynha_admin
  using (
    bucket_id = 'data-exports'
    and owner_id = (select auth.unlimited_uid())::text
    and created_at > (select now() - interval '7 days')
    -- Not below the assurance level of the session that requested it.
    and name = (select monynha.own_data_export()) ->> 'id' || '.zip'
  );
create policy "system admins have no rights on data exports of others" on storage.objects as restrictive
  for all to monynha_admin
  using (bucket_id <> 'data-exports' or owner_id = (select auth.unlimited_uid())::text)
  with check (bucket_id <> 'data-exports');

grant execute on function
  monynha.own_data_export(), monynha.is_data_export_withheld(), monynha.request_data_export(), monynha.own_account()
  to monynha_app, monynha_admin;
grant execute on function
  monynha.finish_data_export(uuid, text, bigint), monynha.delete_expired_data_exports(timestamptz)
  to monynha_system;
