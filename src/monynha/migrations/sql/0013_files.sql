-- Files of projects. A file is an object of the bucket project-files, and has its id: both are created, moved and
-- deleted together, whichever way a client takes. Bytes are counted by project and by user in the same transaction.

create table public.files (
  -- Without a reference to the object the file would outlive it where a project or a bucket is deleted.
  id uuid primary key references storage.objects (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  task_id uuid references public.tasks (id) on delete set null,
  -- The file stays the project's when the account of its uploader is deleted.
  user_id uuid references public.users (id) on delete set null,
  name varchar(255) not null,
  path varchar(1024) not null,
  content_type varchar(255) not null,
  size bigint not null,
  width bigint,
  height bigint,
  placeholder jsonb,
  status varchar(50) not null,
  error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint file_status_is_known check (status in ('processing', 'ready', 'failed'))
);
comment on table public.files is 'Files of projects.';
create index files_project_id_created_at_idx on public.files (project_id, created_at desc, id desc);
create index files_task_id_created_at_idx on public.files (task_id, created_at desc, id desc);
create index files_user_id_created_at_idx on public.files (user_id, created_at desc, id desc);
-- Finds the files whose processing was abandoned.
create index files_processing_idx on public.files (updated_at) where status = 'processing';

create trigger files_set_updated_at before update on public.files
  for each row when (old.* is distinct from new.*) execute function monynha.set_updated_at();

alter table public.files enable row level security;
alter table public.files force row level security;

-- How many bytes the files of a project, and of a user, have. A row is locked from the write of a file to the commit,
-- so that racing uploads see each other.

create table monynha.project_file_usage (
  project_id uuid primary key references public.projects (id) on delete cascade,
  bytes bigint not null
);
comment on table monynha.project_file_usage is 'Bytes of the files of each project.';
create table monynha.user_file_usage (
  user_id uuid primary key references public.users (id) on delete cascade,
  bytes bigint not null
);
comment on table monynha.user_file_usage is 'Bytes of the files that each user has uploaded.';
alter table monynha.project_file_usage enable row level security;
alter table monynha.project_file_usage force row level security;
alter table monynha.user_file_usage enable row level security;
alter table monynha.user_file_usage force row level security;

create function monynha.add_file_usage(project uuid, uploader uuid, added bigint) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- The project's row before the user's, always: then two uploads do not wait for each other.
  update monynha.project_file_usage u set bytes = u.bytes + added where u.project_id = project;
  if not found and added > 0 then
    insert into monynha.project_file_usage as u (project_id, bytes) values (project, added)
      on conflict (project_id) do update set bytes = u.bytes + excluded.bytes;
  end if;
  update monynha.user_file_usage u set bytes = u.bytes + added where u.user_id = uploader;
  if not found and added > 0 and uploader is not null then
    insert into monynha.user_file_usage as u (user_id, bytes) values (uploader, added)
      on conflict (user_id) do update set bytes = u.bytes + excluded.bytes;
  end if;
end
$$;
comment on function monynha.add_file_usage(uuid, uuid, bigint) is
  'Adds bytes to what the files of a project and of a user have; a negative number takes them away.';

create function monynha.count_file_bytes() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform monynha.add_file_usage(n.project_id, n.user_id, sum(n.size)::bigint)
      from new_rows n group by n.project_id, n.user_id order by n.project_id, n.user_id;
  elsif tg_op = 'UPDATE' then
    perform monynha.add_file_usage(n.project_id, n.user_id, sum(n.size - o.size)::bigint)
      from new_rows n join old_rows o on o.id = n.id where n.size <> o.size
      group by n.project_id, n.user_id order by n.project_id, n.user_id;
  else
    perform monynha.add_file_usage(o.project_id, o.user_id, -sum(o.size)::bigint)
      from old_rows o group by o.project_id, o.user_id order by o.project_id, o.user_id;
  end if;
  return null;
end
$$;
comment on function monynha.count_file_bytes() is 'Trigger: keeps the bytes of files by project and by user.';
create trigger files_count_inserted_bytes after insert on public.files
  referencing new table as new_rows for each statement execute function monynha.count_file_bytes();
create trigger files_count_updated_bytes after update on public.files
  referencing old table as old_rows new table as new_rows for each statement
  execute function monynha.count_file_bytes();
create trigger files_count_deleted_bytes after delete on public.files
  referencing old table as old_rows for each statement execute function monynha.count_file_bytes();

create function monynha.delete_objects_of_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- An object whose deletion deleted the file is gone already; one that was moved to another project stays, and so
  -- does its original, whose name is the id of the file.
  delete from storage.objects o using old_rows f
    where o.bucket_id = 'file-originals' and o.name = f.id::text
      and not exists (select from storage.objects m where m.id = f.id and m.project_id <> f.project_id);
  delete from storage.objects o using old_rows f where o.id = f.id and o.project_id = f.project_id;
  -- The program hears this notice when the transaction has committed, and deletes the bodies.
  if current_setting('monynha.report_writes', true) = 'on' and exists (select from old_rows) then
    raise notice 'monynha:discarded_bodies 00000000-0000-0000-0000-000000000000 0';
  end if;
  return null;
end
$$;
comment on function monynha.delete_objects_of_files() is
  'Trigger: deletes the objects of deleted files, whose bodies are deleted after the transaction.';
create trigger files_delete_objects after delete on public.files
  referencing old table as old_rows for each statement execute function monynha.delete_objects_of_files();

-- What an upload, a move and the processing of an image do. The storage service decides by its policies who may write
-- the object; these functions write the file that belongs to it.

create function monynha.record_file(object_id uuid, display_name text, task uuid, is_image boolean) returns json
language plpgsql security definer set search_path = '' as $$
declare
  object storage.objects;
begin
  select o.* into object from storage.objects o
    where o.id = object_id and o.bucket_id = 'project-files' and o.owner is not distinct from auth.uid()
      and exists (select from public.projects p where p.id = o.project_id and p.status = 'active');
  if not found then
    raise exception using errcode = 'insufficient_privilege';
  end if;
  if task is not null and not exists (
    select from public.tasks t where t.id = task and t.project_id = object.project_id
  ) then
    raise exception using errcode = 'foreign_key_violation', constraint = 'files_task_id_fkey';
  end if;
  insert into public.files as f (id, project_id, task_id, user_id, name, path, content_type, size, status)
  values (
    object.id, object.project_id, task, object.owner, display_name, object.name, object.metadata ->> 'mimetype',
    (object.metadata ->> 'size')::bigint, case when is_image then 'processing' else 'ready' end
  )
  on conflict (id) do update
  set name = excluded.name, task_id = coalesce(excluded.task_id, f.task_id), content_type = excluded.content_type,
    size = excluded.size, status = excluded.status, width = null, height = null, placeholder = null, error = null;
  if is_image then
    perform monynha.enqueue_job(
      'file-processing', jsonb_build_object('fileId', object.id, 'operations', array['optimize', 'thumbnails']), 1
    );
  end if;
  return (select monynha.file_usage(object.project_id));
end
$$;
comment on function monynha.record_file(uuid, text, uuid, boolean) is
  'Writes the file of an object that the caller has just uploaded, and enqueues its processing; returns the bytes that '
  'the project and the user have now.';

create function monynha.file_usage(project uuid) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return json_build_object(
    'projectBytes', coalesce((select u.bytes from monynha.project_file_usage u where u.project_id = project), 0),
    'userBytes', coalesce((select u.bytes from monynha.user_file_usage u where u.user_id = auth.uid()), 0)
  );
end
$$;
comment on function monynha.file_usage(uuid) is 'How many bytes the files of a project and of the caller have.';

create function monynha.expected_file_usage(project uuid) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object(
      'projectBytes', (f.usage ->> 'projectBytes')::bigint
        + coalesce(sum(u.bytes) filter (where u.project = expected_file_usage.project::text), 0),
      'userBytes', (f.usage ->> 'userBytes')::bigint + coalesce(sum(u.bytes) filter (where u.owner = auth.uid()), 0)
    )
    from (select monynha.file_usage(expected_file_usage.project) as usage) f
    left join (
      select split_part(r.name, '/', 1) as project, r.owner, coalesce(r.size, r.received_bytes) as bytes
      from storage.resumable_uploads r
      where r.bucket_id = 'project-files' and r.completed_at is null and r.expires_at > now()
    ) u on true
    group by f.usage ->> 'projectBytes', f.usage ->> 'userBytes'
  );
end
$$;
comment on function monynha.expected_file_usage(uuid) is
  'How many bytes the files of a project and of the caller have, and will have with the uploads that were begun.';

create function monynha.move_file(object_id uuid, display_name text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  object storage.objects;
  former public.files;
begin
  select o.* into object from storage.objects o where o.id = object_id and o.bucket_id = 'project-files';
  select f.* into former from public.files f where f.id = object_id;
  if former.project_id = object.project_id then
    update public.files f set path = object.name, name = coalesce(display_name, f.name) where f.id = object_id;
    return;
  end if;
  -- In the stream of the one project the file is deleted, in that of the other it is created.
  delete from public.files f where f.id = object_id;
  insert into public.files (
    id, project_id, user_id, name, path, content_type, size, width, height, placeholder, status, error
  )
  values (
    object.id, object.project_id, object.owner, coalesce(display_name, former.name), object.name, former.content_type,
    former.size, former.width, former.height, former.placeholder, former.status, former.error
  );
end
$$;
comment on function monynha.move_file(uuid, text) is
  'Gives the file of an object that the caller has just moved its path, and another name if one is given.';

-- The processing of images, by the system actor "file-processing".

create function monynha.file_to_process(file_id uuid) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object('version', o.version, 'size', f.size, 'contentType', f.content_type)
    from public.files f join storage.objects o on o.id = f.id
    where f.id = file_id and f.status = 'processing'
  );
end
$$;
comment on function monynha.file_to_process(uuid) is 'The body of a file that waits for its processing; null if none.';

create function monynha.finish_file(
  file_id uuid, expected_version text, outcome json, new_version text, new_metadata json, keep_original boolean
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  former storage.objects;
begin
  select o.* into former from storage.objects o where o.id = file_id and o.version = expected_version for update;
  if not found then
    return false;
  end if;
  if new_version is not null then
    update storage.objects o
      set version = new_version, metadata = o.metadata || new_metadata::jsonb, updated_at = now() where o.id = file_id;
    if keep_original then
      insert into storage.objects as o (bucket_id, name, owner, owner_id, metadata, version, user_metadata)
      values (
        'file-originals', file_id::text, former.owner, former.owner_id, former.metadata, former.version,
        former.user_metadata
      )
      on conflict (bucket_id, name) do update set metadata = excluded.metadata, version = excluded.version;
      delete from storage.discarded_bodies d where d.version = former.version;
    end if;
  end if;
  update public.files f
  set status = outcome ->> 'status', error = outcome ->> 'error', width = (outcome ->> 'width')::bigint,
    height = (outcome ->> 'height')::bigint, placeholder = (outcome -> 'placeholder')::jsonb,
    content_type = coalesce(new_metadata ->> 'mimetype', f.content_type),
    size = coalesce((new_metadata ->> 'size')::bigint, f.size)
  where f.id = file_id;
  return true;
end
$$;
comment on function monynha.finish_file(uuid, text, json, text, json, boolean) is
  'Records how the processing of a file ended, with its new body if it has one; false if the file is gone or has '
  'another body than the one that was processed.';

create function monynha.fail_abandoned_files(unchanged_since timestamptz) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  failed bigint;
begin
  update public.files f set status = 'failed', error = 'The image could not be processed.'
  where f.status = 'processing' and f.updated_at < unchanged_since and not exists (
    select from monynha.jobs j
    where j.queue = 'file-processing' and j.state in ('ready', 'active') and j.payload ->> 'fileId' = f.id::text
  );
  get diagnostics failed = row_count;
  return failed;
end
$$;
comment on function monynha.fail_abandoned_files(timestamptz) is
  'Lets those files fail whose processing nobody will finish, for their job is dead; returns how many.';

-- Pictures of users, by what their address says: the hash of the picture and of its user.

create function monynha.used_avatars(hashes text[]) returns setof text
language plpgsql stable security definer set search_path = '' as $$
begin
  return query
    select h.hash from unnest(hashes) as h (hash)
    where exists (select from public.users u where u.avatar_url = '/api/v1/avatars/' || h.hash);
end
$$;
comment on function monynha.used_avatars(text[]) is 'Those of the hashes that are the picture of a user.';
create index users_avatar_url_idx on public.users (avatar_url) where avatar_url is not null;

-- Originals of images, where they are kept: for system admins.
create policy "migration inserts a bucket" on storage.buckets for insert to monynha_owner with check (true);
insert into storage.buckets (id, name, public) values ('file-originals', 'file-originals', false);
drop policy "migration inserts a bucket" on storage.buckets;

revoke execute on all functions in schema monynha from public;
