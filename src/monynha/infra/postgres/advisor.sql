-- What is dangerous or doubtful about a database, one row a finding: the level, the object, a sentence.
-- Reads the system catalogue alone, so that any role may ask.

with ours as (
  select c.oid, (n.nspname || '.' || c.relname)::text as name, c.relrowsecurity, c.relforcerowsecurity
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname in ('public', 'auth', 'monynha')
),
policies as (
  select o.name, p.polname, p.polcmd,
    array(select case r when 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r) as roles,
    coalesce(pg_get_expr(p.polqual, p.polrelid), '') as held,
    coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as checked
  from pg_policy p join ours o on o.oid = p.polrelid
),
peoples as (
  select * from policies where roles && array['public', 'monynha_app', 'monynha_admin']::text[]
)

select 'danger' as level, name::text as object, 'Row-level security is off, or not forced on the owner.' as says
from ours where not (relrowsecurity and relforcerowsecurity)

union all
select 'danger', name, 'No policy: nobody but the owner was thought of.'
from ours where not exists (select from policies p where p.name = ours.name)

union all
select 'danger', name || ' "' || polname || '"', 'The policy names no role, so it holds for every one.'
from policies where 'public' = any (roles)

union all
select 'danger', name || ' "' || polname || '"', 'The policy always holds, for a role that people act as.'
from peoples where 'true' in (held, checked)

union all
select 'danger', name || ' "' || polname || '"', 'The policy reads user_metadata, which users write themselves.'
from policies where held || checked ~ 'user_metadata'

union all
-- Wrapped in a sub-select a call is made once a statement; pg_get_expr writes the wrapped one as `( SELECT auth.uid()`.
select 'warning', name || ' "' || polname || '"', 'The policy asks who is asking once a row; wrap it in a sub-select.'
from policies
where regexp_replace(held || checked, '\( SELECT (auth\.(uid|role|jwt|is_admin)\(\)|current_setting\()', '', 'g')
  ~ 'auth\.(uid|role|jwt|is_admin)\(\)|current_setting\('

union all
select 'danger', p.oid::regprocedure::text, 'A function with its owner''s rights has no fixed search_path.'
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname in ('public', 'auth', 'monynha')
  and not exists (select from unnest(p.proconfig) as one where one like 'search_path=%')

union all
select 'danger', p.oid::regprocedure::text, 'Everybody may run a function with its owner''s rights.'
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname in ('public', 'auth', 'monynha') and has_function_privilege('public', p.oid, 'execute')

union all
select distinct 'danger', g.table_schema || '.' || g.table_name || '.' || g.column_name,
  'People may read or write a column that is nobody''s business.'
from information_schema.column_privileges g
where g.grantee in ('PUBLIC', 'monynha_app', 'monynha_admin')
  and g.table_schema in ('public', 'auth', 'monynha')
  and (g.table_schema = 'auth' or g.column_name ~ 'password|secret|_hash$'
    or g.table_name = 'users' and g.column_name in ('email', 'email_verified'))

union all
select 'danger', v.oid::regclass::text, 'A view that people read runs with its owner''s rights and no security_barrier.'
from pg_class v join pg_namespace n on n.oid = v.relnamespace
where v.relkind = 'v' and n.nspname in ('public', 'auth', 'monynha')
  and has_table_privilege('monynha_app', v.oid, 'select')
  and not coalesce(v.reloptions::text[] && array['security_barrier=true', 'security_invoker=true'], false)

union all
select 'danger', r.rolname::text, 'A role that people or the program act as skips row-level security.'
from pg_roles r
where r.rolname in ('monynha_owner', 'monynha_app', 'monynha_admin', 'monynha_system')
  and (r.rolsuper or r.rolbypassrls)

order by 1, 2;
