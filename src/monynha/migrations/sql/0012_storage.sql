-- Buckets and objects, by the names and columns of Supabase Storage, and what becomes of the bodies of objects.
-- A body is stored under the version of its object, which no client chooses and no two bodies share: a row is written
-- after its body, and what a row no longer refers to is listed in storage.discarded_bodies by the same transaction.

create schema storage;

create table storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  owner_id text,
  public boolean not null default false,
  avif_autodetection boolean not null default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  type text not null default 'STANDARD',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint bucket_name_is_unique unique (name),
  constraint bucket_id_is_at_most_100_characters check (length(id) between 1 and 100),
  constraint bucket_name_is_at_most_100_characters check (length(name) between 1 and 100),
  constraint bucket_file_size_limit_is_not_negative check (file_size_limit >= 0)
);
comment on table storage.buckets is 'Buckets of objects.';

-- Upstream's columns, and `project_id`: the project whose members see an object of the bucket project-files.
create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text not null references storage.buckets (id),
  name text collate "C" not null,
  owner uuid,
  owner_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_accessed_at timestamptz not null default now(),
  -- What upstream stores: eTag, size, mimetype, cacheControl, lastModified, contentLength, httpStatusCode.
  metadata jsonb not null default '{}',
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text not null,
  user_metadata jsonb,
  project_id uuid generated always as (
    case
      when bucket_id = 'project-files' and name ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}/[^/]+/.'
        then split_part(name, '/', 1)::uuid
    end
  ) stored references public.projects (id) on delete cascade,
  constraint object_name_is_unique unique (bucket_id, name),
  constraint object_version_is_unique unique (version),
  constraint object_name_is_at_most_1024_bytes check (octet_length(name) between 1 and 1024),
  constraint project_file_path_begins_with_project_and_user
    check (bucket_id <> 'project-files' or project_id is not null)
);
comment on table storage.objects is 'Objects: names, owners and metadata of stored bodies.';
create index objects_project_id_idx on storage.objects (project_id) where project_id is not null;
create index objects_bucket_id_created_at_idx on storage.objects (bucket_id, created_at, name);
create index objects_bucket_id_updated_at_idx on storage.objects (bucket_id, updated_at, name);

-- Bodies without an object, to be deleted after the transaction that discarded them.
create table storage.discarded_bodies (
  version text primary key,
  discarded_at timestamptz not null default now()
);
comment on table storage.discarded_bodies is 'Versions whose bodies no object refers to any more.';
create index discarded_bodies_discarded_at_idx on storage.discarded_bodies (discarded_at);

-- Uploads in several requests (TUS 1.0). The object is written at the end, with the rights of then.
create table storage.resumable_uploads (
  id uuid primary key,
  bucket_id text not null,
  name text collate "C" not null,
  owner uuid,
  -- With the service key, which has no owner: then only that goes on.
  is_service boolean not null,
  -- Who may go on: the digest of the signed upload token, where it began with one.
  token_digest text,
  is_upsert boolean not null,
  content_type text not null,
  cache_control text not null,
  user_metadata jsonb,
  -- As the client sent it, which asks for it again.
  upload_metadata text not null,
  -- Null while the client has not told it yet.
  size bigint,
  received_bytes bigint not null default 0,
  -- The request that is receiving bytes now; others are refused until its lease is over.
  writer uuid,
  locked_until timestamptz not null default '-infinity',
  completed_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint resumable_upload_does_not_exceed_its_size check (received_bytes <= size)
);
comment on table storage.resumable_uploads is 'Uploads that were begun and may be resumed.';
create index resumable_uploads_expires_at_idx on storage.resumable_uploads (expires_at);
create index resumable_uploads_unfinished_idx on storage.resumable_uploads (bucket_id, owner)
  where completed_at is null;

-- The helpers that policies of Supabase projects use.

create function storage.foldername(name text) returns text[] language sql immutable as $$
  select (string_to_array(name, '/'))[1:array_length(string_to_array(name, '/'), 1) - 1]
$$;
comment on function storage.foldername(text) is 'The folders in the name of an object.';

create function storage.filename(name text) returns text language sql immutable as $$
  select (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]
$$;
comment on function storage.filename(text) is 'The last part of the name of an object.';

create function storage.extension(name text) returns text language sql immutable as $$
  select case
    when position('.' in storage.filename(name)) > 0 then reverse(split_part(reverse(storage.filename(name)), '.', 1))
    else ''
  end
$$;
comment on function storage.extension(text) is 'What follows the last dot of the file name.';

create function storage.bucket_settings(bucket text) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object(
      'public', b.public, 'file_size_limit', b.file_size_limit, 'allowed_mime_types', b.allowed_mime_types
    )
    from storage.buckets b where b.id = bucket
  );
end
$$;
comment on function storage.bucket_settings(text) is
  'Whether a bucket is public, and what may be uploaded into it, whatever the caller may see; null if there is none.';

create function storage.public_object(bucket text, object_name text) returns storage.objects
language plpgsql stable security definer set search_path = '' as $$
declare
  object storage.objects;
begin
  select o.* into object from storage.objects o join storage.buckets b on b.id = o.bucket_id
    where o.bucket_id = bucket and o.name = object_name and b.public;
  return object;
end
$$;
comment on function storage.public_object(text, text) is 'An object of a public bucket, which everybody may read.';

create function storage.is_bucket_empty(bucket text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return not exists (select from storage.objects o where o.bucket_id = bucket);
end
$$;
comment on function storage.is_bucket_empty(text) is 'Whether a bucket has no objects, whatever the caller may see.';

-- What may be uploaded is decided here, for every way in.

create function storage.is_allowed_type(mimetype text, allowed text[]) returns boolean
language sql immutable set search_path = '' as $$
  select allowed is null or cardinality(allowed) = 0 or exists (
    select from unnest(allowed) as pattern
    where pattern in ('*', '*/*', mimetype)
      or right(pattern, 2) = '/*' and split_part(pattern, '/', 1) = split_part(mimetype, '/', 1)
  )
$$;
comment on function storage.is_allowed_type(text, text[]) is 'Whether a media type is among those of a bucket.';

create function storage.check_upload() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  bucket record;
  mimetype text := lower(btrim(split_part(new.metadata ->> 'mimetype', ';', 1)));
begin
  -- What the program itself makes of an upload may have another type.
  if current_setting('role') = 'monynha_system'
    or tg_op = 'UPDATE' and new.version = old.version and new.bucket_id = old.bucket_id then
    return new;
  end if;
  select b.file_size_limit, b.allowed_mime_types into bucket from storage.buckets b where b.id = new.bucket_id;
  if not found then
    raise exception using errcode = 'foreign_key_violation', constraint = 'objects_bucket_id_fkey';
  elsif (new.metadata ->> 'size')::bigint > nullif(bucket.file_size_limit, 0) then
    raise exception using errcode = 'check_violation', constraint = 'object_exceeds_size_limit_of_bucket';
  -- Null while an upload is only tried, before its body tells the type.
  elsif mimetype is not null and not storage.is_allowed_type(mimetype, bucket.allowed_mime_types) then
    raise exception using errcode = 'check_violation', constraint = 'object_has_no_allowed_type';
  end if;
  return new;
end
$$;
comment on function storage.check_upload() is 'Trigger: rejects what the bucket does not allow, by size and type.';
create trigger objects_check_upload before insert or update on storage.objects
  for each row execute function storage.check_upload();

create function storage.discard_body() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into storage.discarded_bodies (version) values (old.version) on conflict do nothing;
  return null;
end
$$;
comment on function storage.discard_body() is 'Trigger: lists the body that an object no longer refers to.';
create trigger objects_discard_replaced_body after update on storage.objects
  for each row when (old.version <> new.version) execute function storage.discard_body();
create trigger objects_discard_deleted_body after delete on storage.objects
  for each row execute function storage.discard_body();

alter table storage.buckets enable row level security;
alter table storage.buckets force row level security;
alter table storage.objects enable row level security;
alter table storage.objects force row level security;
alter table storage.discarded_bodies enable row level security;
alter table storage.discarded_bodies force row level security;
alter table storage.resumable_uploads enable row level security;
alter table storage.resumable_uploads force row level security;

-- Read by everybody who sees the project; see policies.sql. The policies do not exist yet, and the owner is subject
-- to them.
create policy "migration inserts a bucket" on storage.buckets for insert to monynha_owner with check (true);
insert into storage.buckets (id, name, public) values ('project-files', 'project-files', false);
drop policy "migration inserts a bucket" on storage.buckets;

revoke execute on all functions in schema storage from public;
