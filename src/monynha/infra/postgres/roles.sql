-- The roles. None can log in, none is a superuser, none bypasses row-level security.
-- Roles belong to the whole cluster: for another database they may exist already, or be created at the same time.
do $$
declare
  name text;
begin
  foreach name in array array['monynha_owner', 'monynha_app', 'monynha_admin', 'monynha_system'] loop
    begin
      if not exists (select from pg_roles where rolname = name) then
        execute format('create role %I nologin nosuperuser nobypassrls', name);
      end if;
    exception
      when duplicate_object or unique_violation then null;
    end;
  end loop;
end
$$;
