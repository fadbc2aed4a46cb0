-- Accounts as admins describe them, unconfirmed accounts as nobody sees them, and what a user who leaves keeps.

alter table auth.users add column role text;
comment on column auth.users.role is 'What an admin stored for official clients; it grants nothing.';

-- Nobody finds an account by an address that was never confirmed.
create or replace function public.user_id_by_email(email text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select users.id from public.users where users.email = user_id_by_email.email and users.email_verified
  );
end
$$;

create function public.require_confirmed_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The error of an id that does not exist: an unconfirmed account is shown to nobody.
  if exists (select from public.users u where u.id = new.user_id and u.email is not null and not u.email_verified) then
    raise exception using errcode = 'foreign_key_violation', constraint = 'project_members_user_id_fkey';
  end if;
  return new;
end
$$;
comment on function public.require_confirmed_member() is
  'Trigger: rejects adding a user whose email address is not confirmed.';
revoke execute on function public.require_confirmed_member() from public;
create trigger project_members_require_confirmed before insert on public.project_members
  for each row when (new.role <> 'owner') execute function public.require_confirmed_member();

create function public.redact_notifications_of_project() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The notifications themselves are hidden by their policy; the events would still be sent to a client that resumes.
  update monynha.events e
    set new = case when e.new is null then null else e.new || '{"title": "", "body": null}' end,
      old = case when e.old ? 'title' then e.old || '{"title": "", "body": null}' else e.old end
    where e.stream = old.user_id and e.kind = 'user' and e.resource = 'notifications'
      and coalesce(e.new, e.old) -> 'data' ->> 'projectId' = old.project_id::text;
  return null;
end
$$;
comment on function public.redact_notifications_of_project() is
  'Trigger: removes the titles of a project from the stored events of a user who leaves it.';
revoke execute on function public.redact_notifications_of_project() from public;
create trigger project_members_redact_notifications after delete on public.project_members
  for each row execute function public.redact_notifications_of_project();
