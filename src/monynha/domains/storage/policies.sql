-- Rights on buckets and objects. Applied as a whole by `monynha migrate`, which keeps an operator's own policies on
-- these tables if their names begin with "custom: ". Such a policy is `to monynha_app`, and
-- `to monynha_admin` where it is for system admins.

grant usage on schema storage to monynha_app, monynha_admin, monynha_system;

create policy "owner role: full access for migrations and triggers" on storage.buckets
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on storage.objects
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on storage.discarded_bodies
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on storage.resumable_uploads
  for all to monynha_owner using (true) with check (true);

-- Buckets

create policy "system admins can manage buckets" on storage.buckets for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

grant select (id, name, owner, owner_id, public, avif_autodetection, file_size_limit, allowed_mime_types, type,
    created_at, updated_at),
  insert (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types, type),
  update (public, file_size_limit, allowed_mime_types, updated_at), delete
  on storage.buckets to monynha_app, monynha_admin;

-- Objects of the bucket project-files; nobody but system admins has rights on those of other buckets.

create policy "members can view files of their projects" on storage.objects for select to monynha_app
  using (project_id = any (array(select public.visible_project_ids())));

create policy "members can upload files below their own id" on storage.objects for insert to monynha_app
  with check (
    project_id = any (array(select public.editable_project_ids()))
      and path_tokens[2] = (select auth.uid())::text
      and owner_id = (select auth.uid())::text
  );

create policy "anonymous users cannot upload files" on storage.objects as restrictive for insert to monynha_app
  with check (not (select auth.is_anonymous()));

create policy "members can replace and move files below their own id" on storage.objects for update to monynha_app
  using (
    project_id = any (array(select public.editable_project_ids())) and path_tokens[2] = (select auth.uid())::text
  )
  with check (
    project_id = any (array(select public.editable_project_ids())) and path_tokens[2] = (select auth.uid())::text
  );

create policy "members can delete their own files, admins those of their projects" on storage.objects
  for delete to monynha_app
  using (
    project_id = any (array(select public.editable_project_ids()))
      and (
        path_tokens[2] = (select auth.uid())::text
        or project_id = any (array(select public.manageable_project_ids()))
      )
  );

create policy "system admins can view all objects" on storage.objects for select to monynha_admin
  using ((select auth.is_admin()));

create policy "system admins can manage objects, those of projects while they are active" on storage.objects
  for all to monynha_admin
  using (
    (select auth.is_admin())
    and (
      project_id is null
      or exists (select from public.projects p where p.id = project_id and p.status = 'active')
    )
  )
  with check (
    (select auth.is_admin())
    and (
      project_id is null
      or exists (select from public.projects p where p.id = project_id and p.status = 'active')
    )
  );

create policy "objects of projects that require aal2 are withheld below it" on storage.objects
  as restrictive for all to monynha_admin
  using (project_id is null or project_id <> all ((select public.withheld_project_ids())::uuid[]))
  with check (project_id is null or project_id <> all ((select public.withheld_project_ids())::uuid[]));

grant select (id, bucket_id, name, owner, owner_id, created_at, updated_at, last_accessed_at, metadata, path_tokens,
    version, user_metadata, project_id),
  insert (id, bucket_id, name, owner, owner_id, metadata, version, user_metadata),
  update (bucket_id, name, owner, owner_id, updated_at, metadata, version, user_metadata), delete
  on storage.objects to monynha_app, monynha_admin;

-- Whatever an operator's own policies allow: a token that is limited to projects reaches no other objects.
create policy "limited tokens reach files of their projects only" on storage.objects as restrictive
  for all to monynha_app
  using (
    not (select auth.is_project_limited()) or project_id = any (array(select public.visible_project_ids()))
  )
  with check (
    not (select auth.is_project_limited()) or project_id = any (array(select public.visible_project_ids()))
  );

-- The program's own work: resumable uploads, and the bodies that no object refers to.

create policy "storage service can look for objects of bodies" on storage.objects for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'storage');
create policy "storage service can manage discarded bodies" on storage.discarded_bodies for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'storage')
  with check ((select current_setting('monynha.actor', true)) = 'storage');
create policy "storage service can manage resumable uploads" on storage.resumable_uploads for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'storage')
  with check ((select current_setting('monynha.actor', true)) = 'storage');
grant select (id, version, bucket_id, name) on storage.objects to monynha_system;
grant select, insert, update, delete on storage.discarded_bodies, storage.resumable_uploads to monynha_system;

revoke execute on all functions in schema storage from public;
grant execute on function storage.foldername(text), storage.filename(text), storage.extension(text),
  storage.bucket_settings(text), storage.public_object(text, text)
  to monynha_app, monynha_admin;
grant execute on function storage.is_bucket_empty(text) to monynha_admin;
