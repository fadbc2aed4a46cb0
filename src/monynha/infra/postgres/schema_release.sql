-- The table that records which release migrated the database; created before the first migration.

create schema if not exists monynha;
comment on schema monynha is 'Objects that the tables share: events, triggers, and the record of the last migration.';

create table if not exists monynha.schema_release (
  is_only boolean primary key default true check (is_only),
  release text not null,
  fingerprint text not null,
  at timestamptz not null default now()
);
comment on table monynha.schema_release is 'The release that last applied its migrations and policies.';
alter table monynha.schema_release enable row level security;
alter table monynha.schema_release force row level security;
drop policy if exists "owner role: full access for migrations and triggers" on monynha.schema_release;
create policy "owner role: full access for migrations and triggers" on monynha.schema_release
  for all to monynha_owner using (true) with check (true);
grant usage on schema monynha to monynha_app, monynha_admin, monynha_system;
