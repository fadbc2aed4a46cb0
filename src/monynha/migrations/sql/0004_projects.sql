-- Projects and their members. The table project_members alone decides who can see which project in which role.

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
  constraint project_name_is_not_blank check (name <> '' and name = btrim(name)),
  constraint project_status_is_known check (status in ('active', 'archived')),
  constraint project_description_is_at_most_100_kb check (octet_length(description) <= 100000),
  constraint project_settings_are_an_object check (jsonb_typeof(settings) = 'object')
);
comment on table public.projects is 'Projects of a team.';
create index projects_owner_id_idx on public.projects (owner_id);
create index projects_active_created_at_idx on public.projects (created_at desc, id desc) where status = 'active';
create index projects_created_at_idx on public.projects (created_at desc, id desc);

create table public.project_members (
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role varchar(50) not null default 'member',
  joined_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint project_member_is_unique primary key (project_id, user_id),
  constraint project_member_role_is_known check (role in ('viewer', 'member', 'admin', 'owner'))
);
comment on table public.project_members is 'Members of projects and their roles; the owner is a member, too.';
create index project_members_user_id_project_id_idx on public.project_members (user_id, project_id) include (role);
create index project_members_project_id_joined_at_idx
  on public.project_members (project_id, joined_at desc, user_id desc);
create unique index project_has_one_owner on public.project_members (project_id) where role = 'owner';

create trigger projects_set_updated_at before update on public.projects
  for each row when (old.* is distinct from new.*) execute function monynha.set_updated_at();

-- The projects of the caller by right, for the policies. SECURITY DEFINER, so that a policy on project_members can
-- query project_members; PL/pgSQL, because an SQL function that is not inlined is planned again at each call.

create function public.visible_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query select m.project_id from public.project_members m where m.user_id = auth.uid();
end
$$;
comment on function public.visible_project_ids() is 'Projects that the caller is a member of, in any role.';

create function public.editable_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
    where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and p.status = 'active';
end
$$;
comment on function public.editable_project_ids() is 'Active projects in which the caller can change tasks.';

create function public.active_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
    where m.user_id = auth.uid() and p.status = 'active';
end
$$;
comment on function public.active_project_ids() is 'Active projects that the caller is a member of, in any role.';

create function public.manageable_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select m.project_id from public.project_members m
    where m.user_id = auth.uid() and m.role in ('admin', 'owner');
end
$$;
comment on function public.manageable_project_ids() is 'Projects that the caller can change, including archived ones.';

create function public.owned_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query select m.project_id from public.project_members m where m.user_id = auth.uid() and m.role = 'owner';
end
$$;
comment on function public.owned_project_ids() is 'Projects that the caller owns.';

-- The membership of the owner: created with the project, transferred, never deleted on its own.

create function public.add_owner_as_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.project_members (project_id, user_id, role) values (new.id, new.owner_id, 'owner');
  return null;
end
$$;
comment on function public.add_owner_as_member() is 'Trigger: adds the owner of a new project as its first member.';
create trigger projects_add_owner_as_member after insert on public.projects
  for each row execute function public.add_owner_as_member();

create function public.transfer_ownership() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.role = 'owner' and old.role <> 'owner' then
    -- The row of the project is locked first, so that concurrent transfers run one after the other; then the row of
    -- the former owner, before the counter of the project's event stream (see 0007_events.sql).
    perform from public.projects where id = new.project_id for update;
    perform from public.project_members
      where project_id = new.project_id and role = 'owner' and user_id <> new.user_id for update;
    update public.projects set owner_id = new.user_id where id = new.project_id;
    update public.project_members set role = 'admin'
      where project_id = new.project_id and role = 'owner' and user_id <> new.user_id;
  elsif old.role = 'owner' and new.role <> 'owner' and pg_trigger_depth() < 2 then
    raise exception using errcode = 'check_violation', constraint = 'project_owner_cannot_be_demoted';
  end if;
  if old.role is distinct from new.role then
    new.version := old.version + 1;
  end if;
  return new;
end
$$;
comment on function public.transfer_ownership() is
  'Trigger: makes the former owner an admin when a member becomes owner; rejects demoting the owner otherwise.';
create trigger project_members_transfer_ownership before update on public.project_members
  for each row execute function public.transfer_ownership();

create function public.prevent_owner_removal() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- If the project or the user is being deleted, the membership is deleted with it.
  if exists (select from public.projects where id = old.project_id)
    and exists (select from public.users where id = old.user_id) then
    raise exception using errcode = 'check_violation', constraint = 'project_owner_cannot_be_removed';
  end if;
  return old;
end
$$;
comment on function public.prevent_owner_removal() is
  'Trigger: rejects deleting the membership of the owner, except with the project or the user.';
create trigger project_members_prevent_owner_removal before delete on public.project_members
  for each row when (old.role = 'owner') execute function public.prevent_owner_removal();

create function public.prevent_archived_update() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.status = 'archived' and (new.name, new.description, new.settings) is distinct from
    (old.name, old.description, old.settings) and new.status = 'archived' then
    raise exception using errcode = 'insufficient_privilege', constraint = 'archived_project_is_read_only';
  end if;
  return new;
end
$$;
comment on function public.prevent_archived_update() is
  'Trigger: rejects changes of an archived project other than of its status.';
create trigger projects_prevent_archived_update before update on public.projects
  for each row when (old.status = 'archived') execute function public.prevent_archived_update();

create function public.prevent_shared_project_deletion() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  shared text;
begin
  if coalesce(current_setting('monynha.cascade', true), '') = 'on' then
    return old;
  end if;
  -- Locked against concurrent inserts of members: their foreign key needs a lock on the same row.
  perform from public.projects where owner_id = old.id order by id for update;
  select string_agg(p.name, ', ' order by p.name) into shared from public.projects p
    where p.owner_id = old.id
      and exists (select from public.project_members m where m.project_id = p.id and m.user_id <> old.id);
  if shared is not null then
    raise exception using
      errcode = 'check_violation', constraint = 'shared_projects_prevent_user_deletion', detail = shared;
  end if;
  return old;
end
$$;
comment on function public.prevent_shared_project_deletion() is
  'Trigger: rejects deleting a user who owns projects with other members, unless monynha.cascade is on.';
create trigger users_prevent_shared_project_deletion before delete on public.users
  for each row execute function public.prevent_shared_project_deletion();

-- An email address is visible to the user, to members of a common project, and to admins.

create view public.visible_emails with (security_barrier) as
  select u.id, u.email, u.email_verified
  from public.users u
  where u.id = (select auth.uid())
    or (select auth.is_admin())
    or exists (
      select from public.project_members theirs
      join public.project_members own on own.project_id = theirs.project_id
      where theirs.user_id = u.id and own.user_id = (select auth.uid())
    );
comment on view public.visible_emails is 'Email addresses that the caller can see.';

create function public.user_id_by_email(email text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select users.id from public.users where users.email = user_id_by_email.email);
end
$$;
comment on function public.user_id_by_email(text) is
  'The id of the user with an email address, to add a member by email.';

alter table public.projects enable row level security;
alter table public.projects force row level security;
alter table public.project_members enable row level security;
alter table public.project_members force row level security;
