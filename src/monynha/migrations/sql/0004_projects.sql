-- Projects and their members. One relation answers who sees which project in which role: project_members.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  description text,
  owner_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  status varchar(50) not null default 'active',
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint "a project has a name" check (name <> '' and name = btrim(name)),
  constraint "a project is active or archived" check (status in ('active', 'archived')),
  constraint "a project's description is at most 100 kB" check (octet_length(description) <= 100000),
  constraint "a project's settings are an object" check (jsonb_typeof(settings) = 'object')
);
comment on table public.projects is 'Projects: what a team plans together.';
create index idx_projects_owner_id on public.projects (owner_id);
create index idx_active_projects on public.projects (created_at desc, id desc) where status = 'active';
create index projects_by_age on public.projects (created_at desc, id desc);

create table public.project_members (
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role varchar(50) not null default 'member',
  joined_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint "a person is a member once" primary key (project_id, user_id),
  constraint "a member has a known role" check (role in ('viewer', 'member', 'admin', 'owner'))
);
comment on table public.project_members is 'Who is in which project, in which role; the owner has a row too.';
create index idx_project_members_user_id on public.project_members (user_id, project_id) include (role);
create index members_by_age on public.project_members (project_id, joined_at desc, user_id desc);
create unique index "a project has one owner" on public.project_members (project_id) where role = 'owner';

create trigger projects_are_touched before update on public.projects
  for each row when (old.* is distinct from new.*) execute function monynha.touch();

-- Who may do what in which project. Definer functions, so that a policy on project_members can ask
-- project_members; PL/pgSQL, because an SQL function that is not inlined is planned anew at each call.

create function public.projects_i_see() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query select m.project_id from public.project_members m where m.user_id = auth.uid();
end
$$;
comment on function public.projects_i_see() is 'The projects of which the asker is a member, whatever their role.';

create function public.projects_i_edit() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
    where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and p.status = 'active';
end
$$;
comment on function public.projects_i_edit() is 'The active projects in which the asker may change tasks.';

create function public.projects_open_to_me() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
    where m.user_id = auth.uid() and p.status = 'active';
end
$$;
comment on function public.projects_open_to_me() is 'The active projects that the asker sees.';

create function public.projects_i_manage() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m
    where m.user_id = auth.uid() and m.role in ('admin', 'owner');
end
$$;
comment on function public.projects_i_manage() is 'The projects that the asker may change, archived ones too.';

create function public.projects_i_own() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query select m.project_id from public.project_members m where m.user_id = auth.uid() and m.role = 'owner';
end
$$;
comment on function public.projects_i_own() is 'The projects that belong to the asker.';

-- The owner's row: made with the project, handed over, never lost.

create function public.join_own_project() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.project_members (project_id, user_id, role) values (new.id, new.owner_id, 'owner');
  return null;
end
$$;
comment on function public.join_own_project() is 'Whoever makes a project is its first member.';
create trigger owner_joins_the_project after insert on public.projects
  for each row execute function public.join_own_project();

create function public.hand_over() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.role = 'owner' and old.role <> 'owner' then
    -- The project's row is locked first, so that two hand-overs at once come one after the other; then the
    -- former owner's, before the project's counter is taken.
    perform from public.projects where id = new.project_id for update;
    perform from public.project_members
      where project_id = new.project_id and role = 'owner' and user_id <> new.user_id for update;
    update public.projects set owner_id = new.user_id where id = new.project_id;
    update public.project_members set role = 'admin'
      where project_id = new.project_id and role = 'owner' and user_id <> new.user_id;
  elsif old.role = 'owner' and new.role <> 'owner' and pg_trigger_depth() < 2 then
    raise exception using errcode = 'check_violation', constraint = 'the owner''s role stays until it is handed over';
  end if;
  if old.role is distinct from new.role then
    new.version := old.version + 1;
  end if;
  return new;
end
$$;
comment on function public.hand_over() is 'A new owner takes over and the former becomes an admin; the owner is never just lowered.';
create trigger ownership_is_handed_over before update on public.project_members
  for each row execute function public.hand_over();

create function public.keep_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Where the project or the person is being deleted, their memberships go too.
  if exists (select from public.projects where id = old.project_id)
    and exists (select from public.users where id = old.user_id) then
    raise exception using errcode = 'check_violation', constraint = 'the owner stays a member';
  end if;
  return old;
end
$$;
comment on function public.keep_owner() is 'The owner''s row goes only with the project or the person.';
create trigger owner_stays_a_member before delete on public.project_members
  for each row when (old.role = 'owner') execute function public.keep_owner();

create function public.keep_archived() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.status = 'archived' and (new.name, new.description, new.settings) is distinct from
    (old.name, old.description, old.settings) and new.status = 'archived' then
    raise exception using errcode = 'insufficient_privilege', constraint = 'an archived project is read-only';
  end if;
  return new;
end
$$;
comment on function public.keep_archived() is 'Of an archived project only the status changes.';
create trigger archived_projects_are_kept before update on public.projects
  for each row when (old.status = 'archived') execute function public.keep_archived();

create function public.keep_shared_projects() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  shared text;
begin
  if coalesce(current_setting('monynha.cascade', true), '') = 'on' then
    return old;
  end if;
  -- Locked against members who are being added just now: their foreign key wants the same row.
  perform from public.projects where owner_id = old.id order by id for update;
  select string_agg(p.name, ', ' order by p.name) into shared from public.projects p
    where p.owner_id = old.id
      and exists (select from public.project_members m where m.project_id = p.id and m.user_id <> old.id);
  if shared is not null then
    raise exception using
      errcode = 'check_violation', constraint = 'shared projects outlive their owner', detail = shared;
  end if;
  return old;
end
$$;
comment on function public.keep_shared_projects() is 'Nobody deletes by accident what others work in.';
create trigger shared_projects_are_kept before delete on public.users
  for each row execute function public.keep_shared_projects();

-- People: an address is seen by its owner, by those who share a project with them, and by admins.

create view public.visible_addresses with (security_barrier) as
  select u.id, u.email, u.email_verified
  from public.users u
  where u.id = (select auth.uid())
    or (select auth.is_admin())
    or exists (
      select from public.project_members theirs
      join public.project_members mine on mine.project_id = theirs.project_id
      where theirs.user_id = u.id and mine.user_id = (select auth.uid())
    );
comment on view public.visible_addresses is 'The mail addresses that the asker may see.';

create function public.user_with_address(address text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select id from public.users where email = address);
end
$$;
comment on function public.user_with_address(text) is 'Finds whom an address belongs to, for whoever adds them.';

alter table public.projects enable row level security;
alter table public.projects force row level security;
alter table public.project_members enable row level security;
alter table public.project_members force row level security;
