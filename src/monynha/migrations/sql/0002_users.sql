-- User profiles, one per account, and the trigger function that keeps row versions and update times.

create function monynha.set_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.version := old.version + 1;
  -- Strictly increasing, even if two changes share a microsecond or the clock was set back.
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;
comment on function monynha.set_updated_at() is
  'Trigger: increments version and sets updated_at; fires only if the row changed.';
revoke execute on function monynha.set_updated_at() from public;

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  email varchar(255),
  name varchar(255) not null,
  avatar_url varchar(500),
  email_verified boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint user_email_is_unique unique (email),
  constraint user_email_is_lower_case check (email = lower(email collate "C")),
  constraint user_name_is_not_blank check (name <> '' and name = btrim(name))
);
comment on table public.users is 'User profiles; the accounts are in auth.users.';
create index users_created_at_idx on public.users (created_at desc, id desc);

create trigger users_set_updated_at before update on public.users
  for each row when (old.* is distinct from new.*) execute function monynha.set_updated_at();

create function public.delete_account() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.users where id = old.id;
  return null;
end
$$;
comment on function public.delete_account() is 'Trigger: deletes the account of a deleted profile.';
revoke execute on function public.delete_account() from public;

create trigger users_delete_account after delete on public.users
  for each row execute function public.delete_account();

alter table public.users enable row level security;
alter table public.users force row level security;
