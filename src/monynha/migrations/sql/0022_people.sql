-- The accounts of the system as its admins see them, and what admins do to them. Each function is granted to the role
-- of admins alone, which only an admin's session and the service key can take, and checks that again.

create view public.people with (security_barrier) as
  select
    a.id, a.email::varchar(255) as email,
    coalesce(u.name, 'Guest')::varchar(255) as name,
    (case a.app_metadata ->> 'role' when 'admin' then 'admin' else 'user' end)::varchar(20) as role,
    (case
      when a.banned_until > now() then 'banned'
      when a.email is not null and a.email_confirmed_at is null then 'unconfirmed'
      else 'active'
    end)::varchar(20) as status,
    a.invited_at, a.email_confirmed_at, a.last_sign_in_at,
    coalesce(a.last_sign_in_at, a.created_at) as idle_since,
    a.created_at, greatest(a.updated_at, u.updated_at) as updated_at,
    (extract(epoch from greatest(a.updated_at, u.updated_at)) * 1000000)::bigint as version
  from auth.users a left join public.users u on u.id = a.id
  where a.deleted_at is null and (select auth.is_admin());
comment on view public.people is 'Accounts as system admins see them: no secrets.';

create function monynha.require_system_admin() returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if not auth.is_admin() then
    raise exception 'the caller is no system admin' using errcode = 'insufficient_privilege';
  end if;
end
$$;
comment on function monynha.require_system_admin() is 'Raises insufficient_privilege unless the caller is a system admin.';

create function monynha.person_for_update(person uuid) returns auth.users
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users;
begin
  perform monynha.require_system_admin();
  select a.* into account from auth.users a where a.id = person and a.deleted_at is null for update;
  return account;
end
$$;
comment on function monynha.person_for_update(uuid) is
  'The account of a person, locked, for a system admin; null without such an account.';

create function monynha.require_another_admin(person uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- All admins are locked, in one order, so that two of them cannot demote each other at the same time.
  perform from auth.users a where a.app_metadata ->> 'role' = 'admin' and a.deleted_at is null order by a.id for update;
  -- The caller may have been demoted while this waited.
  if auth.uid() is not null and not monynha.is_system_admin(auth.uid()) then
    raise exception 'the caller is no system admin any more' using errcode = 'insufficient_privilege';
  end if;
  if not exists (
    select from auth.users a
    where a.app_metadata ->> 'role' = 'admin' and a.deleted_at is null and a.id <> person
      and (a.email is null or a.email_confirmed_at is not null)
      and (a.banned_until is null or a.banned_until <= now())
  ) then
    raise exception using errcode = 'check_violation', constraint = 'last_admin_stays';
  end if;
end
$$;
comment on function monynha.require_another_admin(uuid) is
  'Raises unless somebody else is a system admin who can sign in.';

create function monynha.is_system_admin(person uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (
    select from auth.users a where a.id = person and a.app_metadata ->> 'role' = 'admin' and a.deleted_at is null
  );
end
$$;
comment on function monynha.is_system_admin(uuid) is 'Whether an account has the system role admin.';

create function monynha.keep_last_admin() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- What callers do through the API; the program and its owner may delete any account.
  if current_setting('role') in ('monynha_app', 'monynha_admin') and monynha.is_system_admin(old.id) then
    perform monynha.require_another_admin(old.id);
  end if;
  return old;
end
$$;
comment on function monynha.keep_last_admin() is
  'Trigger: rejects that the last system admin is deleted, by themselves or by another one at the same time.';
create trigger users_keep_last_admin before delete on public.users
  for each row execute function monynha.keep_last_admin();

create function monynha.promote_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users := monynha.person_for_update(person);
begin
  -- Whoever has set the password of an unconfirmed account need not be the person that the admin means.
  if account.email is not null and account.email_confirmed_at is null or account.is_anonymous then
    raise exception using errcode = 'check_violation', constraint = 'admin_is_confirmed';
  end if;
  update auth.users set app_metadata = app_metadata || '{"role": "admin"}',
      updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    where id = account.id and app_metadata ->> 'role' is distinct from 'admin';
  return account.id;
end
$$;
comment on function monynha.promote_person(uuid) is 'Makes a person a system admin; returns the id, null without one.';

create function monynha.demote_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users;
begin
  perform monynha.require_system_admin();
  if monynha.is_system_admin(person) then
    perform monynha.require_another_admin(person);
  end if;
  account := monynha.person_for_update(person);
  if account.app_metadata ->> 'role' = 'admin' then
    update auth.users set app_metadata = app_metadata - 'role',
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
      where id = account.id;
    -- Their access tokens say that they are an admin.
    delete from auth.sessions where user_id = account.id;
  end if;
  return account.id;
end
$$;
comment on function monynha.demote_person(uuid) is
  'Takes the system role from a person, and ends their sessions; returns the id, null without such a person.';

create function monynha.ban_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users;
begin
  perform monynha.require_system_admin();
  if person = auth.uid() then
    raise exception using errcode = 'check_violation', constraint = 'admins_cannot_ban_themselves';
  end if;
  if monynha.is_system_admin(person) then
    perform monynha.require_another_admin(person);
  end if;
  account := monynha.person_for_update(person);
  update auth.users set banned_until = now() + interval '1000 years',
      updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    where id = account.id;
  delete from auth.sessions where user_id = account.id;
  delete from auth.one_time_tokens where user_id = account.id;
  delete from auth.authorization_codes where user_id = account.id;
  return account.id;
end
$$;
comment on function monynha.ban_person(uuid) is
  'Bans a person for good, and ends their sessions and links; returns the id, null without such a person.';

create function monynha.unban_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users := monynha.person_for_update(person);
begin
  update auth.users set banned_until = null,
      updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    where id = account.id and banned_until is not null;
  return account.id;
end
$$;
comment on function monynha.unban_person(uuid) is 'Ends the ban of a person; returns the id, null without such a person.';

create function monynha.sign_out_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account auth.users := monynha.person_for_update(person);
begin
  delete from auth.sessions where user_id = account.id;
  return account.id;
end
$$;
comment on function monynha.sign_out_person(uuid) is
  'Ends all sessions of a person; returns the id, null without such a person.';

create function monynha.delete_person(person uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  account_id uuid;
begin
  perform monynha.require_system_admin();
  if monynha.is_system_admin(person) then
    perform monynha.require_another_admin(person);
  end if;
  select a.id into account_id from auth.users a where a.id = person and a.deleted_at is null;
  -- The profile first, as a user deletes themselves: its triggers protect projects that others are in, unless
  -- monynha.cascade is on.
  delete from public.users where id = account_id;
  delete from auth.users where id = account_id;
  return account_id;
end
$$;
comment on function monynha.delete_person(uuid) is
  'Deletes a person and what they own; returns the id, null without such a person.';

revoke all on all functions in schema monynha from public;
