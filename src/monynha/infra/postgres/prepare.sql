-- Where the record of what was applied is kept: made before the first migration.

create schema if not exists monynha;
comment on schema monynha is 'What the tables share: triggers, and the record of what was applied.';

create table if not exists monynha.applied (
  is_only boolean primary key default true check (is_only),
  release text not null,
  fingerprint text not null,
  at timestamptz not null default now()
);
comment on table monynha.applied is 'Which release applied its migrations and policies last.';
alter table monynha.applied enable row level security;
alter table monynha.applied force row level security;
drop policy if exists "the owner keeps house" on monynha.applied;
create policy "the owner keeps house" on monynha.applied for all to monynha_owner using (true) with check (true);
grant usage on schema monynha to monynha_app, monynha_admin, monynha_system;
