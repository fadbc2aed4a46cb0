-- Sessions as their owners see them, the devices that an account was used from, and exports of one's own data.

alter table auth.sessions add column device text;
comment on column auth.sessions.device is 'Browser and system in words that people know; null for one that began before.';
alter table auth.sessions add column last_used_at timestamptz;
comment on column auth.sessions.last_used_at is
  'A time at which an access token was used, written rarely: the session may have been refreshed since.';

-- The list of one account's sessions, newest first, whatever the number of all.
create index sessions_user_id_created_at_idx on auth.sessions (user_id, created_at desc, id desc);
drop index auth.sessions_user_id_idx;

create table auth.known_devices (
  user_id uuid not null references auth.users (id) on delete cascade,
  device text not null,
  network text not null,
  last_seen_at timestamptz not null default now(),
  primary key (user_id, device, network),
  constraint known_device_is_short check (length(device) <= 100 and length(network) <= 50)
);
comment on table auth.known_devices is
  'From which devices (without versions) and networks (wider than an address) an account was signed in to.';
create index known_devices_last_seen_at_idx on auth.known_devices (last_seen_at);
alter table auth.known_devices enable row level security;
alter table auth.known_devices force row level security;

-- With the rights of its owner, since no client has any on the schema auth: its condition is the right. A plain view of
-- one table, so that a row can be deleted through it.
create view public.sessions with (security_barrier) as
  select
    s.id,
    coalesce(
      (select nullif(left(c.name, 100), '') from auth.oauth_clients c where c.id = s.oauth_client_id), s.device,
      'Unknown device'
    ) as device,
    s.ip, s.aal, s.created_at,
    greatest(s.created_at, s.refreshed_at, s.last_used_at) as last_used_at,
    s.id is not distinct from (select nullif(auth.jwt() ->> 'session_id', '')::uuid) as is_current,
    (extract(epoch from greatest(s.created_at, s.refreshed_at, s.last_used_at)) * 1000000)::bigint as version
  from auth.sessions s
  -- A token that is limited to scopes or projects manages no sessions.
  where s.user_id = (select auth.unlimited_uid()) and (s.not_after is null or s.not_after > now())
  -- The order of the list: PostgreSQL plans such a view by itself, and would read and sort all of its rows.
  order by s.created_at desc, s.id desc;
comment on view public.sessions is 'The live sessions of the caller, without what their tokens are made of.';

-- Exports of one's own data: a job writes a ZIP file, which is an object of a private bucket for a week.

create policy "migration inserts a bucket" on storage.buckets for insert to monynha_owner with check (true);
insert into storage.buckets (id, name, public) values ('data-exports', 'data-exports', false);
drop policy "migration inserts a bucket" on storage.buckets;

create table monynha.data_exports (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  job_id uuid not null,
  requested_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  expires_at timestamptz,
  size bigint,
  -- Whether a session at aal2 requested it: it may hold what is withheld below.
  requires_aal2 boolean not null default false,
  constraint data_export_is_unique_per_user unique (user_id),
  constraint data_export_expires_once_finished check ((finished_at is null) = (expires_at is null))
);
comment on table monynha.data_exports is 'The last export of each user who asked for one; its object is named by its id.';
create index data_exports_expires_at_idx on monynha.data_exports (expires_at);
alter table monynha.data_exports enable row level security;
alter table monynha.data_exports force row level security;

create function monynha.delete_object_of_data_export() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from storage.objects o where o.bucket_id = 'data-exports' and o.name = old.id || '.zip';
  return null;
end
$$;
comment on function monynha.delete_object_of_data_export() is
  'Trigger: deletes the file of an export that expires, is replaced, or belonged to a deleted user.';
create trigger data_exports_delete_object after delete on monynha.data_exports
  for each row execute function monynha.delete_object_of_data_export();

create function monynha.data_export_json(export monynha.data_exports) returns json
language plpgsql stable set search_path = '' as $$
begin
  return json_build_object(
    'id', export.id,
    'status', case
      when export.finished_at is not null then 'ready'
      when exists (select from monynha.jobs j where j.id = export.job_id and j.state in ('ready', 'active')) then 'pending'
      else 'failed'
    end,
    'requested_at', export.requested_at, 'finished_at', export.finished_at, 'expires_at', export.expires_at,
    'size', export.size
  );
end
$$;
comment on function monynha.data_export_json(monynha.data_exports) is
  'An export and how it stands, which its job decides until it is finished.';

create function monynha.own_data_export() returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select monynha.data_export_json(e) from monynha.data_exports e
    where e.user_id = auth.unlimited_uid() and (e.expires_at is null or e.expires_at > now())
      and (not e.requires_aal2 or auth.is_aal2())
  );
end
$$;
comment on function monynha.own_data_export() is
  'The export of the caller that is pending or can be downloaded with their assurance level; else null.';

create function monynha.is_data_export_withheld() returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return not auth.is_aal2() and exists (
    select from monynha.data_exports e
    where e.user_id = auth.unlimited_uid() and e.requires_aal2 and (e.expires_at is null or e.expires_at > now())
  );
end
$$;
comment on function monynha.is_data_export_withheld() is 'Whether the caller has an export that they see at aal2 only.';

create function monynha.request_data_export() returns json
language plpgsql security definer set search_path = '' as $$
declare
  latest monynha.data_exports;
  export_id uuid := gen_random_uuid();
begin
  -- An export holds more than what a limited token reaches.
  if auth.unlimited_uid() is null then
    raise exception 'the token does not allow it' using errcode = 'insufficient_privilege';
  end if;
  -- Requests of one user wait for each other: for the row, or for the deduplication key of the job.
  select e.* into latest from monynha.data_exports e where e.user_id = auth.unlimited_uid() for update;
  if found and monynha.data_export_json(latest) ->> 'status' = 'pending' then
    return monynha.data_export_json(latest);
  end if;
  delete from monynha.data_exports e where e.user_id = auth.unlimited_uid();
  insert into monynha.data_exports (id, user_id, requires_aal2, job_id)
  values (
    export_id, auth.unlimited_uid(), auth.is_aal2(),
    monynha.enqueue_job(
      'data-export',
      jsonb_build_object('exportId', export_id, 'aal', coalesce(auth.jwt() ->> 'aal', 'aal1')),
      dedup_key => 'data-export ' || auth.unlimited_uid()
    )
  )
  on conflict (user_id) do nothing;
  select e.* into latest from monynha.data_exports e where e.user_id = auth.unlimited_uid();
  return monynha.data_export_json(latest);
end
$$;
comment on function monynha.request_data_export() is
  'Requests an export for the caller, in the place of their last one; one that is pending is returned instead.';

create function monynha.finish_data_export(export_id uuid, version text, size bigint) returns json
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  recipient uuid;
begin
  update monynha.data_exports e
  set finished_at = clock_timestamp(), expires_at = clock_timestamp() + interval '7 days', size = finish_data_export.size
  where e.id = export_id and e.finished_at is null
  returning e.user_id into recipient;
  if not found then
    return null;
  end if;
  insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata)
  values (
    'data-exports', export_id || '.zip', recipient, recipient::text, finish_data_export.version,
    jsonb_build_object(
      'eTag', '"' || finish_data_export.version || '"', 'size', finish_data_export.size, 'mimetype', 'application/zip',
      'cacheControl', 'no-store', 'contentLength', finish_data_export.size, 'httpStatusCode', 200
    )
  );
  insert into public.notifications (user_id, type, title, body, data)
  values (
    recipient, 'exported', 'Your data', 'The export of your data is ready for a week.',
    jsonb_build_object('exportId', export_id)
  );
  return (
    select json_build_object(
      'email', u.email, 'isVerified', u.email_confirmed_at is not null, 'locale', u.user_metadata ->> 'locale',
      'expiresAt', e.expires_at
    )
    from auth.users u join monynha.data_exports e on e.user_id = u.id where u.id = recipient
  );
end
$$;
comment on function monynha.finish_data_export(uuid, text, bigint) is
  'Makes the stored file of an export the object of its user, and notifies them. Returns whom to write to; null if the '
  'export is finished already, or gone.';

create function monynha.delete_expired_data_exports(before timestamptz) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  deleted bigint;
begin
  delete from monynha.data_exports e where e.expires_at <= before;
  get diagnostics deleted = row_count;
  return deleted;
end
$$;
comment on function monynha.delete_expired_data_exports(timestamptz) is 'Deletes exports that have expired; returns how many.';

create function monynha.own_account() returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object(
      'id', u.id, 'email', u.email, 'phone', u.phone, 'emailConfirmedAt', u.email_confirmed_at,
      'phoneConfirmedAt', u.phone_confirmed_at, 'invitedAt', u.invited_at, 'newEmail', u.new_email,
      'lastSignInAt', u.last_sign_in_at, 'isAnonymous', u.is_anonymous, 'hasPassword', u.password_hash is not null,
      'metadata', u.user_metadata, 'createdAt', u.created_at, 'updatedAt', u.updated_at,
      'identities', (
        select coalesce(json_agg(json_build_object(
          'provider', i.provider, 'providerId', i.provider_id, 'data', i.identity_data,
          'lastSignInAt', i.last_sign_in_at, 'createdAt', i.created_at
        ) order by i.created_at, i.id), '[]')
        from auth.identities i where i.user_id = u.id
      ),
      'factors', (
        select coalesce(json_agg(json_build_object(
          'type', f.factor_type, 'status', f.status, 'name', f.friendly_name, 'phone', f.phone,
          'createdAt', f.created_at
        ) order by f.created_at, f.id), '[]')
        from auth.factors f where f.user_id = u.id
      ),
      'passkeys', (
        select coalesce(json_agg(json_build_object(
          'name', p.friendly_name, 'createdAt', p.created_at, 'lastUsedAt', p.last_used_at
        ) order by p.created_at, p.id), '[]')
        from auth.passkeys p where p.user_id = u.id
      ),
      'apiTokens', (
        select coalesce(json_agg(json_build_object(
          'name', t.name, 'prefix', t.prefix, 'scopes', t.scopes, 'projectIds', t.project_ids,
          'createdAt', t.created_at, 'lastUsedAt', t.last_used_at, 'expiresAt', t.expires_at
        ) order by t.created_at, t.id), '[]')
        from public.api_tokens t where t.user_id = u.id
      ),
      'applications', (
        select coalesce(json_agg(json_build_object(
          'name', c.name, 'scopes', a.scopes, 'grantedAt', a.granted_at
        ) order by a.granted_at, c.id), '[]')
        from auth.oauth_consents a join auth.oauth_clients c on c.id = a.client_id where a.user_id = u.id
      ),
      'knownDevices', (
        select coalesce(json_agg(json_build_object(
          'device', d.device, 'network', d.network, 'lastSeenAt', d.last_seen_at
        ) order by d.last_seen_at desc), '[]')
        from auth.known_devices d where d.user_id = u.id
      )
    )
    from auth.users u where u.id = auth.unlimited_uid()
  );
end
$$;
comment on function monynha.own_account() is 'What is stored about the account of the caller, but no secret and no hash.';

alter table public.notifications drop constraint notification_type_is_known;
alter table public.notifications add constraint notification_type_is_known
  check (type in ('assigned', 'mentioned', 'added', 'due', 'invited', 'exported')) not valid;
alter table public.notifications validate constraint notification_type_is_known;

revoke execute on all functions in schema monynha from public;
