-- Anonymous users, accounts with a phone number, and the profiles that nobody else sees yet.

alter table auth.users add column new_phone text, add column phone_change_sent_at timestamptz;
comment on column auth.users.new_phone is 'The phone number that a code has been sent to, and that is not confirmed yet.';

-- Finds the anonymous users who do not come back.
create index users_anonymous_created_at_idx on auth.users (created_at) where is_anonymous;

alter table auth.one_time_tokens
  drop constraint one_time_token_kind_is_known,
  add constraint one_time_token_kind_is_known check (
    kind in ('confirmation', 'invite', 'magiclink', 'recovery', 'email_change_current', 'email_change_new',
      'reauthentication', 'phone_confirmation', 'phone_otp', 'phone_change')
  );

-- False for the profiles there are, of which those without an address are shown to others until now. No profile of an
-- address has it: email_verified says the same of them.
alter table public.users add column is_provisional boolean not null default false;
comment on column public.users.is_provisional is
  'Whether nothing about the account is confirmed: an anonymous user, or a sign-up by phone that waits for its code.';

create or replace function public.require_confirmed_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The error of an id that does not exist: such an account is shown to nobody.
  if exists (
    select from public.users u
    where u.id = new.user_id and (u.is_provisional or u.email is not null and not u.email_verified)
  ) then
    raise exception using errcode = 'foreign_key_violation', constraint = 'project_members_user_id_fkey';
  end if;
  return new;
end
$$;
comment on function public.require_confirmed_member() is
  'Trigger: rejects adding a user whose email address or phone number is not confirmed.';

-- Whether the caller is an anonymous user, by the current row of the account: a token may be older than the upgrade.
create function auth.is_anonymous() returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return coalesce((select account.is_anonymous from auth.users account where account.id = auth.uid()), false);
end
$$;
comment on function auth.is_anonymous() is 'Whether the caller is a user who signed in without any credentials.';
revoke execute on function auth.is_anonymous() from public;
