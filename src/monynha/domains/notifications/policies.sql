-- Rights on notifications. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on public.notifications
  for all to monynha_owner using (true) with check (true);

create policy "users can view their notifications, of projects they are in" on public.notifications
  for select to monynha_app
  using (
    user_id = (select auth.reader_uid())
    and (
      data ->> 'projectId' is null
      or (data ->> 'projectId')::uuid = any (array(select public.visible_project_ids()))
    )
  );

create policy "users can mark their notifications as read" on public.notifications for update to monynha_app
  using (user_id = (select auth.writer_uid()))
  with check (user_id = (select auth.writer_uid()));

create policy "system admins have the rights of owners" on public.notifications for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

grant update (read_at) on public.notifications to monynha_app, monynha_admin;
