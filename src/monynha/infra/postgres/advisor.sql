-- Security and schema problems of a database, one row per finding: the level, the object, a sentence.
-- Reads only the system catalog, which every role may read. (Not `information_schema`, which hides the grants of
-- other roles.)

with schemas as (
  select oid, nspname as name from pg_namespace where nspname in ('public', 'auth', 'monynha', 'storage')
),
client_roles as (
  select oid, rolname from pg_roles where rolname in ('monynha_app', 'monynha_admin')
),
relations as (
  select c.*, (s.name || '.' || c.relname)::text as name,
    exists (select from client_roles where has_any_column_privilege(client_roles.oid, c.oid, 'select')) as is_readable
  from pg_class c join schemas s on s.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
),
tables as (
  select * from relations where relkind in ('r', 'p')
),
-- Views that run with the rights of their owner, who sees every row.
views as (
  select * from relations
  where relkind = 'v' and is_readable and not coalesce(reloptions && array['security_invoker=true'], false)
),
functions as (
  select p.*, p.oid::regprocedure::text as name,
    exists (select from unnest(p.proconfig) as setting where setting like 'search_path=%') as has_path
  from pg_proc p join schemas s on s.oid = p.pronamespace
  where not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
),
-- A regular expression for calls that return the current actor, as pg_get_expr writes them.
calls as (
  select '\m((\w+\.)?(' || string_agg(distinct proname, '|') || ')\(\)|current_setting\()' as pattern
  from functions where pronargs = 0 and prorettype <> 'trigger'::regtype
),
policies as (
  select o.name || ' "' || p.polname || '"' as name, o.oid as table_oid,
    array(select case r when 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r) as roles,
    coalesce(pg_get_expr(p.polqual, p.polrelid), '') as using_expression,
    coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as check_expression,
    p.polqual::text as using_tree, p.polwithcheck::text as check_tree
  from pg_policy p join tables o on o.oid = p.polrelid
),
-- Both conditions (using, with check) of the policies for the roles of clients, one row each.
conditions as (
  select p.name, c.expression, c.tree
  from policies p, lateral (values (using_expression, using_tree), (check_expression, check_tree)) as c (expression, tree)
  where roles && array['public', 'monynha_app', 'monynha_admin']::text[] and c.tree is not null
)

select 'danger' as level, name::text as object, 'Row-level security is off, or not forced for the owner.' as message
from tables where not (relrowsecurity and relforcerowsecurity)

union all
select 'danger', name, 'The table has no policy.'
from tables where not exists (select from policies p where p.table_oid = tables.oid)

union all
select 'danger', name, 'The policy names no role, so it applies to every role.'
from policies where 'public' = any (roles)

union all
-- A condition without a column, function or sub-select is the same for every row and every caller.
select distinct 'danger', name, 'The policy is always true for a role of clients.'
from conditions
where expression <> 'false' and tree !~ '\{(VAR|FUNCEXPR|SUBLINK|SQLVALUEFUNCTION) ' or expression ~ '\mOR true\M|\(true OR\M'

union all
select 'danger', name, 'The policy reads user_metadata, which users can change themselves.'
from policies where using_expression || check_expression ~ 'user_metadata|user_meta_data'

union all
-- Inside a sub-select the call is evaluated once per statement; pg_get_expr writes that as `( SELECT auth.uid()`.
select 'warning', p.name, 'The policy evaluates the current user once per row; wrap the call in a sub-select.'
from policies p, calls
where regexp_replace(using_expression || check_expression, 'SELECT ' || calls.pattern, '', 'g') ~ calls.pattern

union all
select 'danger', name, 'A security definer function has no fixed search_path.'
from functions where prosecdef and not has_path

union all
-- A SQL-standard body was parsed at creation and looks nothing up; a function to be inlined cannot set a path.
select 'warning', f.name, 'A function resolves names by its caller''s search_path.'
from functions f join pg_language l on l.oid = f.prolang
where not (f.prosecdef or f.has_path) and f.prosqlbody is null and l.lanname not in ('c', 'internal')
  and (l.lanname <> 'sql' or f.prosrc ~* '\m(from|join|into|update)\M')

union all
select 'danger', name, 'Everybody may execute a security definer function.'
from functions where prosecdef and has_function_privilege('public', oid, 'execute')

union all
select 'danger', f.name, 'A security definer function is owned by a role that bypasses row-level security.'
from functions f join pg_roles r on r.oid = f.proowner
where f.prosecdef and (r.rolsuper or r.rolbypassrls)

union all
select 'danger', r.name || '.' || a.attname, 'Clients may read or write a private column.'
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
where exists (
    select from client_roles where has_column_privilege(client_roles.oid, r.oid, a.attnum, 'select, insert, update')
  )
  and (r.name ~ '^auth\.' or a.attname ~ 'password|secret|token|_hash$' and a.attname <> 'path_tokens'
    or r.name = 'public.users' and a.attname in ('email', 'email_verified'))

union all
select distinct 'danger', r.name, 'Clients have a privilege on a table that row-level security does not cover.'
from tables r, client_roles, unnest(array['truncate', 'trigger', 'references']) as privilege
where has_table_privilege(client_roles.oid, r.oid, privilege)

union all
select 'danger', name, 'A view that clients read runs with its owner''s rights and without security_barrier.'
from views where not coalesce(reloptions && array['security_barrier=true'], false)

union all
select 'danger', v.name, 'A view that clients read runs with its owner''s rights and does not check the current user.'
from views v
where not exists (
  select from pg_rewrite w
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
  where w.ev_class = v.oid
    and (d.refclassid = 'pg_proc'::regclass and d.refobjid in (select oid from functions)
      or d.refclassid = 'pg_class'::regclass
        and d.refobjid in (select oid from relations where relkind = 'v' and oid <> v.oid))
)

union all
select 'danger', v.name, 'A view that clients read is owned by a role that bypasses row-level security.'
from views v join pg_roles r on r.oid = v.relowner
where r.rolsuper or r.rolbypassrls

union all
select 'danger', name, 'Clients read a materialized view or foreign table, which row-level security does not cover.'
from relations where relkind in ('m', 'f') and is_readable

union all
select 'danger', r.rolname::text, 'A role of clients or of the program bypasses row-level security.'
from pg_roles r
where r.rolname in ('monynha_owner', 'monynha_app', 'monynha_admin', 'monynha_system')
  and (r.rolsuper or r.rolbypassrls)

union all
select 'danger', r.rolname::text, 'A role of clients or of the program is a member of ' || o.rolname || '.'
from pg_auth_members m join pg_roles r on r.oid = m.member join pg_roles o on o.oid = m.roleid
where r.rolname in ('monynha_app', 'monynha_admin', 'monynha_system')

union all
select 'warning', s.name::text, 'Clients may create tables and functions in the schema.'
from schemas s
where exists (select from client_roles where has_schema_privilege(client_roles.oid, s.oid, 'create'))

union all
select 'warning', e.extname::text, 'The extension is installed among our tables; move it to a schema of its own.'
from pg_extension e join schemas s on s.oid = e.extnamespace

union all
select 'warning', r.name || ' "' || c.conname || '"', 'No index begins with a column of the foreign key.'
from pg_constraint c join tables r on r.oid = c.conrelid
where c.contype = 'f' and c.conparentid = 0
  and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey))

union all
select 'warning', twin.indexrelid::regclass::text, 'The index is the same as ' || original.indexrelid::regclass::text || '.'
from tables r join pg_index original on original.indrelid = r.oid
join pg_index twin on twin.indrelid = r.oid and twin.indexrelid > original.indexrelid
where (original.indkey, original.indclass, original.indcollation, original.indoption)
    = (twin.indkey, twin.indclass, twin.indcollation, twin.indoption)
  and (original.indexprs::text, original.indpred::text) is not distinct from (twin.indexprs::text, twin.indpred::text)

order by 1, 2, 3;
