-- Drops every policy and revokes every grant of the release before. Runs before the policies.sql files, which
-- create them anew, in the same transaction. The operator's own policies on objects are kept: they say who may do
-- what in buckets of their own, and their names begin with "custom: ".

do $$
declare
  object record;
begin
  for object in
    select schemaname, tablename, policyname from pg_policies
    where schemaname in ('auth', 'public', 'monynha', 'storage')
      and not (schemaname = 'storage' and policyname like 'custom: %') and exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = schemaname and c.relname = tablename and c.relowner = 'monynha_owner'::regrole
    )
  loop
    execute format('drop policy %I on %I.%I', object.policyname, object.schemaname, object.tablename);
  end loop;
  for object in
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('auth', 'public', 'monynha', 'storage') and c.relkind in ('r', 'p', 'v')
      and c.relowner = 'monynha_owner'::regrole
  loop
    execute format(
      'revoke all on %I.%I from public, monynha_app, monynha_admin, monynha_system', object.nspname, object.relname
    );
  end loop;
end
$$;

create policy "owner role: full access for migrations and triggers" on monynha.schema_release for all to monynha_owner
  using (true) with check (true);
create policy "system role can view the schema release" on monynha.schema_release
  for select to monynha_system using (true);
grant select on monynha.schema_release to monynha_system;

alter table monynha.alembic_version enable row level security;
alter table monynha.alembic_version force row level security;
create policy "owner role: full access for migrations and triggers" on monynha.alembic_version for all to monynha_owner
  using (true) with check (true);
