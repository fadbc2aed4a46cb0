-- Invitations to projects by email address, and the people of the system as admins see them.

-- An invitation. Written by the functions below alone: each checks the rights of its caller.
create table public.invitations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  email varchar(255),
  role varchar(50) not null default 'member',
  status varchar(50) not null default 'pending',
  -- Null for the service key. With the account of the inviter, what it offers ends too.
  invited_by_id uuid references public.users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  version bigint not null default 1,
  constraint invitation_email_is_lower_case check (email is not null and email = lower(email collate "C")),
  constraint invitation_role_is_known check (role in ('viewer', 'member', 'admin')),
  constraint invitation_status_is_known check (status in ('pending', 'accepted', 'declined', 'revoked', 'expired'))
);
comment on table public.invitations is 'Invitations of email addresses to projects.';
create index invitations_project_id_created_at_idx on public.invitations (project_id, created_at desc, id desc);
create index invitations_created_at_idx on public.invitations (created_at desc, id desc);
create index invitations_invited_by_id_idx on public.invitations (invited_by_id);
create unique index invitation_is_unique on public.invitations (project_id, email) where status = 'pending';
create index invitations_pending_email_idx on public.invitations (email) where status = 'pending';
create index invitations_pending_expires_at_idx on public.invitations (expires_at) where status = 'pending';

create trigger invitations_increment_version before update on public.invitations
  for each row when (old.* is distinct from new.*) execute function monynha.increment_version();

-- The secret of the link in the mail: only its SHA-256 is stored, apart from what clients read.
create table monynha.invitation_tokens (
  invitation_id uuid primary key references public.invitations (id) on delete cascade,
  token_hash text not null,
  constraint invitation_token_is_unique unique (token_hash)
);
comment on table monynha.invitation_tokens is 'Hashes of the tokens in invitation mails, the latest of each.';

alter table public.invitations enable row level security;
alter table public.invitations force row level security;
alter table monynha.invitation_tokens enable row level security;
alter table monynha.invitation_tokens force row level security;

-- Members see who is invited in which role; the address is shown to those who manage members, and to its owner.
create view public.visible_invitation_emails with (security_barrier) as
  select i.id, i.email
  from public.invitations i
  where (select auth.is_admin())
    or i.project_id = any (array(select public.manageable_project_ids()))
    or i.email = (select u.email from public.users u where u.id = (select auth.reader_uid()) and u.email_verified);
comment on view public.visible_invitation_emails is 'Addresses of invitations that the caller can see.';

create function monynha.may_grant_role(project uuid, granted_role text, granter uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (select from public.projects p where p.id = project and p.status = 'active')
    and exists (
      select from auth.users a
      where a.id = granter and a.deleted_at is null and (a.banned_until is null or a.banned_until <= now())
        and not a.is_anonymous
        and (
          a.app_metadata ->> 'role' = 'admin'
          or exists (
            select from public.project_members m
            where m.project_id = project and m.user_id = granter
              and (m.role = 'owner' or m.role = 'admin' and granted_role in ('viewer', 'member'))
          )
        )
    );
end
$$;
comment on function monynha.may_grant_role(uuid, text, uuid) is
  'Whether a user may add members in a role to a project: it is active, and they manage it or are a system admin, and'
  ' not anonymous.';

create function monynha.lock_role_grant(project uuid, granter uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- What archives the project, or removes or lowers the manager, at the same time either comes before and is seen, or
  -- waits.
  perform from public.projects p where p.id = project for share;
  perform from public.project_members m where m.project_id = project and m.user_id = granter for share;
end
$$;
comment on function monynha.lock_role_grant(uuid, uuid) is
  'Locks what decides whether a user may add members to a project.';

create function monynha.require_role_grant(project uuid, granted_role text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform monynha.lock_role_grant(project, auth.uid());
  if monynha.is_withheld(array[project]) then
    raise exception 'the session needs the assurance level aal2' using errcode = 'MN4A2';
  end if;
  -- Adding members is what a limited token needs the scope `admin` for, and the project.
  if not auth.can_administer() or (auth.is_project_limited() and project <> all (auth.token_project_ids())) then
    raise exception 'the token does not allow it' using errcode = 'insufficient_privilege';
  end if;
  if auth.uid() is null then
    if auth.is_admin() and exists (select from public.projects p where p.id = project and p.status = 'active') then
      return;
    end if;
  elsif monynha.may_grant_role(project, granted_role, auth.uid()) then
    return;
  end if;
  raise exception 'the caller may not add members in this role' using errcode = 'insufficient_privilege';
end
$$;
comment on function monynha.require_role_grant(uuid, text) is
  'Raises insufficient_privilege unless the caller may add members in a role to a project.';

create function monynha.set_invitation_token(invitation uuid, token_hash text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into monynha.invitation_tokens as t (invitation_id, token_hash)
    values (invitation, set_invitation_token.token_hash)
    on conflict (invitation_id) do update set token_hash = excluded.token_hash;
end
$$;
comment on function monynha.set_invitation_token(uuid, text) is
  'Stores the hash of the token of an invitation; the token before it ends.';

create function monynha.invitation_mail(invitation uuid) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object(
      'id', i.id, 'email', i.email, 'role', i.role, 'project', p.name, 'inviter', inviter.name,
      'locale', invitee.user_metadata ->> 'locale'
    )
    from public.invitations i
    join public.projects p on p.id = i.project_id
    left join public.users inviter on inviter.id = i.invited_by_id
    left join auth.users invitee on invitee.email = i.email and invitee.email_confirmed_at is not null
    where i.id = invitation
  );
end
$$;
comment on function monynha.invitation_mail(uuid) is 'What the mail of an invitation says.';

create function monynha.notify_invitee(invitation uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Without the id of the project, by which only members would see it.
  perform public.create_notification(
    u.id, 'invited', p.name, 'You were invited to this project.',
    jsonb_build_object('invitationId', i.id, 'role', i.role)
  )
  from public.invitations i
  join public.projects p on p.id = i.project_id
  join public.users u on u.email = i.email and u.email_verified
  where i.id = invitation;
end
$$;
comment on function monynha.notify_invitee(uuid) is 'Notifies the account with the address of an invitation, if any.';

create function monynha.create_invitation(
  project uuid, email text, role text, token_hash text, lifetime interval
) returns json
language plpgsql security definer set search_path = '' as $$
declare
  invitation uuid;
  invited_at constant timestamptz := clock_timestamp();
begin
  perform monynha.require_role_grant(project, role);
  perform from public.project_members m join public.users u on u.id = m.user_id
    where m.project_id = project and u.email = create_invitation.email;
  if found then
    raise exception using errcode = 'unique_violation', constraint = 'invitee_is_a_member';
  end if;
  update public.invitations i set status = 'expired'
    where i.project_id = project and i.email = create_invitation.email
      and i.status = 'pending' and i.expires_at <= clock_timestamp();
  insert into public.invitations as i (project_id, email, role, invited_by_id, created_at, expires_at)
    values (
      project, create_invitation.email, create_invitation.role, auth.uid(), invited_at, invited_at + lifetime
    )
    returning i.id into invitation;
  perform monynha.set_invitation_token(invitation, create_invitation.token_hash);
  perform monynha.notify_invitee(invitation);
  return monynha.invitation_mail(invitation);
end
$$;
comment on function monynha.create_invitation(uuid, text, text, text, interval) is
  'Invites an address to a project on behalf of the caller, and returns what its mail says.';

create function monynha.lock_invitation(invitation uuid) returns public.invitations
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations;
begin
  -- The project before the invitation, as a delete of the project locks them.
  perform monynha.lock_role_grant(i.project_id, i.invited_by_id) from public.invitations i where i.id = invitation;
  select i.* into target from public.invitations i where i.id = invitation for update;
  return target;
end
$$;
comment on function monynha.lock_invitation(uuid) is
  'An invitation, locked along with what decides whether its inviter may add members; null without one.';

create function monynha.visible_invitation(invitation uuid) returns public.invitations
language plpgsql security definer set search_path = '' as $$
declare
  is_visible boolean;
begin
  select auth.is_admin() or i.project_id in (select public.visible_project_ids()) into is_visible
    from public.invitations i where i.id = invitation;
  if is_visible then
    return monynha.lock_invitation(invitation);
  end if;
  return null;
end
$$;
comment on function monynha.visible_invitation(uuid) is 'An invitation that the caller sees, locked; null otherwise.';

create function monynha.raise_invitation_ended(status text) returns void
language plpgsql set search_path = '' as $$
begin
  raise exception using errcode = 'check_violation', constraint = 'invitation_is_pending', detail = status;
end
$$;
comment on function monynha.raise_invitation_ended(text) is 'Raises the error of an invitation that is not open any more.';

create function monynha.revoke_invitation(invitation uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations := monynha.visible_invitation(invitation);
begin
  if target.id is null then
    return null;
  end if;
  perform monynha.require_role_grant(target.project_id, target.role);
  if target.status <> 'pending' then
    perform monynha.raise_invitation_ended(target.status);
  end if;
  update public.invitations set status = 'revoked' where id = target.id;
  delete from monynha.invitation_tokens where invitation_id = target.id;
  return target.id;
end
$$;
comment on function monynha.revoke_invitation(uuid) is
  'Revokes an invitation on behalf of the caller, and returns its id; null if the caller sees none.';

create function monynha.resend_invitation(invitation uuid, token_hash text, lifetime interval) returns json
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations := monynha.visible_invitation(invitation);
begin
  if target.id is null then
    return null;
  end if;
  perform monynha.require_role_grant(target.project_id, target.role);
  if target.status not in ('pending', 'expired') then
    perform monynha.raise_invitation_ended(target.status);
  end if;
  -- Whoever sends it again is the one who invites from now on: it is their right that the invitation rests on.
  update public.invitations
    set status = 'pending', invited_by_id = auth.uid(), expires_at = clock_timestamp() + lifetime
    where id = target.id;
  perform monynha.set_invitation_token(target.id, resend_invitation.token_hash);
  return monynha.invitation_mail(target.id);
end
$$;
comment on function monynha.resend_invitation(uuid, text, interval) is
  'Renews an invitation on behalf of the caller, and returns what its mail says; null if the caller sees none.';

create function monynha.invitation_of_caller(invitation uuid, token_hash text) returns public.invitations
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations;
  own_email text;
  token_id uuid;
begin
  -- Joining a project is for the person, or for a token that may do all that they may.
  if auth.is_limited() and auth.account_uid() is null then
    raise exception 'the token does not allow it' using errcode = 'insufficient_privilege';
  end if;
  select t.invitation_id into token_id from monynha.invitation_tokens t
    where t.token_hash = invitation_of_caller.token_hash;
  target := monynha.lock_invitation(coalesce(token_id, invitation));
  if target.id is null then
    return null;
  end if;
  -- The account and not the profile: an address counts once it is confirmed, from that moment on.
  select a.email into own_email from auth.users a
    where a.id = auth.uid() and a.email_confirmed_at is not null and a.deleted_at is null;
  if own_email is distinct from target.email then
    if token_id is null then
      return null;
    end if;
    raise exception using errcode = 'insufficient_privilege', constraint = 'invitation_is_for_another_address';
  end if;
  if target.status <> 'pending' then
    perform monynha.raise_invitation_ended(target.status);
  elsif target.expires_at <= clock_timestamp() then
    perform monynha.raise_invitation_ended('expired');
  end if;
  return target;
end
$$;
comment on function monynha.invitation_of_caller(uuid, text) is
  'The open invitation, locked, that an id or the hash of a token names and that was sent to the confirmed address of '
  'the caller. Null if there is none that the caller may know of; raises if it has ended or is for another address.';

create function monynha.accept_invitation(invitation uuid, token_hash text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations := monynha.invitation_of_caller(invitation, token_hash);
begin
  if target.id is null then
    return null;
  end if;
  if not exists (select from public.projects p where p.id = target.project_id and p.status = 'active') then
    raise exception using errcode = 'insufficient_privilege', constraint = 'archived_project_is_read_only';
  end if;
  -- An invitation hands out what its inviter may give now, not what they could when they sent it.
  if target.invited_by_id is not null
    and not monynha.may_grant_role(target.project_id, target.role, target.invited_by_id) then
    raise exception using errcode = 'insufficient_privilege', constraint = 'inviter_can_add_members';
  end if;
  -- Its trigger settles the invitation.
  insert into public.project_members (project_id, user_id, role) values (target.project_id, auth.uid(), target.role);
  return target.id;
end
$$;
comment on function monynha.accept_invitation(uuid, text) is
  'Makes the caller a member of the project they were invited to, and returns the id of the invitation; null if there '
  'is none that they may know of.';

create function monynha.decline_invitation(invitation uuid, token_hash text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  target public.invitations := monynha.invitation_of_caller(invitation, token_hash);
begin
  update public.invitations set status = 'declined' where id = target.id;
  delete from monynha.invitation_tokens where invitation_id = target.id;
  return target.id;
end
$$;
comment on function monynha.decline_invitation(uuid, text) is
  'Declines an invitation to the caller, and returns its id; null if there is none that they may know of.';

create function public.settle_invitations() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.invitations i
    set status = case when i.expires_at <= clock_timestamp() then 'expired' else 'accepted' end
    where i.project_id = new.project_id and i.status = 'pending'
      and i.email = (select u.email from public.users u where u.id = new.user_id and u.email_verified);
  return null;
end
$$;
comment on function public.settle_invitations() is
  'Trigger: ends the open invitation of somebody who has become a member, by it or otherwise.';
create trigger project_members_settle_invitations after insert on public.project_members
  for each row execute function public.settle_invitations();

create function public.revoke_invitations_of_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- If the project is being deleted, its invitations are deleted with it.
  update public.invitations i set status = 'revoked'
    where i.project_id = old.project_id and i.status = 'pending'
      and i.email = (select u.email from public.users u where u.id = old.user_id)
      and exists (select from public.projects p where p.id = old.project_id);
  return null;
end
$$;
comment on function public.revoke_invitations_of_member() is
  'Trigger: revokes the open invitations of a member who is removed, so that none leads back.';
create trigger project_members_revoke_invitations after delete on public.project_members
  for each row execute function public.revoke_invitations_of_member();

-- What the program does for those who are not signed in: it holds a token, or an address that wants to sign up.

create function monynha.invitation_by_token(token_hash text) returns json
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_build_object(
      'id', i.id, 'email', i.email, 'role', i.role, 'projectId', p.id, 'project', p.name, 'inviter', inviter.name,
      'status', case when i.status = 'pending' and i.expires_at <= now() then 'expired' else i.status end,
      'isRegistered', exists (select from auth.users a where a.email = i.email and a.email_confirmed_at is not null)
    )
    from monynha.invitation_tokens t
    join public.invitations i on i.id = t.invitation_id
    join public.projects p on p.id = i.project_id
    left join public.users inviter on inviter.id = i.invited_by_id
    where t.token_hash = invitation_by_token.token_hash
  );
end
$$;
comment on function monynha.invitation_by_token(text) is 'What the page behind the link of an invitation says.';

create function monynha.decline_invitation_by_token(token_hash text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  declined uuid;
begin
  update public.invitations i set status = 'declined'
    from monynha.invitation_tokens t
    where t.token_hash = decline_invitation_by_token.token_hash and i.id = t.invitation_id
      and i.status = 'pending' and i.expires_at > clock_timestamp()
    returning i.id into declined;
  delete from monynha.invitation_tokens t where t.invitation_id = declined;
  return declined;
end
$$;
comment on function monynha.decline_invitation_by_token(text) is
  'Declines the invitation of a token, and returns its id; null if there is none that is open.';

create function monynha.is_invited_address(email text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (
    select from public.invitations i
    where i.email = is_invited_address.email and i.status = 'pending' and i.expires_at > now()
      and (i.invited_by_id is null or monynha.may_grant_role(i.project_id, i.role, i.invited_by_id))
  );
end
$$;
comment on function monynha.is_invited_address(text) is
  'Whether somebody who may invites the address to a project at present.';

create function monynha.expire_invitations() returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  expired bigint;
begin
  update public.invitations set status = 'expired'
    where id = any (array(
      select i.id from public.invitations i
      where i.status = 'pending' and i.expires_at <= clock_timestamp()
      order by i.id limit 1000 for update skip locked
    ));
  get diagnostics expired = row_count;
  return expired;
end
$$;
comment on function monynha.expire_invitations() is 'Marks invitations whose time is over as expired; returns how many.';

create function monynha.delete_ended_invitations(ended_before timestamptz) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  deleted bigint;
begin
  delete from public.invitations
    where id = any (array(
      select i.id from public.invitations i
      where i.status <> 'pending' and i.expires_at < ended_before
      order by i.id limit 1000 for update skip locked
    ));
  get diagnostics deleted = row_count;
  return deleted;
end
$$;
comment on function monynha.delete_ended_invitations(timestamptz) is
  'Deletes invitations that have ended and whose time was over before; returns how many.';

-- Not validated, which would lock the table while all rows are read: each of them met the narrower check before.
alter table public.notifications drop constraint notification_type_is_known;
alter table public.notifications add constraint notification_type_is_known
  check (type in ('assigned', 'mentioned', 'added', 'due', 'invited')) not valid;

revoke all on all functions in schema monynha from public;
