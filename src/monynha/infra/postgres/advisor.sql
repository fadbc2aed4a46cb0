-- What is dangerous or doubtful about a database, one row a finding: the level, the object, a sentence.
-- Reads the system catalogue alone, so that any role may ask. (Not `information_schema`, which hides from a role
-- what is granted to others.)

with schemas as (
  select oid, nspname as name from pg_namespace where nspname in ('public', 'auth', 'monynha')
),
people as (
  select oid, rolname from pg_roles where rolname in ('monynha_app', 'monynha_admin')
),
relations as (
  select c.*, (s.name || '.' || c.relname)::text as name,
    exists (select from people where has_any_column_privilege(people.oid, c.oid, 'select')) as is_read
  from pg_class c join schemas s on s.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
),
ours as (
  select * from relations where relkind in ('r', 'p')
),
-- Views that run with their owner's rights, to whom every row is shown.
views as (
  select * from relations
  where relkind = 'v' and is_read and not coalesce(reloptions && array['security_invoker=true'], false)
),
functions as (
  select p.*, p.oid::regprocedure::text as name,
    exists (select from unnest(p.proconfig) as one where one like 'search_path=%') as has_path
  from pg_proc p join schemas s on s.oid = p.pronamespace
  where not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
),
-- Calls that tell who is asking, as pg_get_expr writes them.
calls as (
  select '\m((\w+\.)?(' || string_agg(distinct proname, '|') || ')\(\)|current_setting\()' as told
  from functions where pronargs = 0 and prorettype <> 'trigger'::regtype
),
policies as (
  select o.name || ' "' || p.polname || '"' as name, o.oid as of,
    array(select case r when 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r) as roles,
    coalesce(pg_get_expr(p.polqual, p.polrelid), '') as held,
    coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as checked,
    p.polqual::text as held_tree, p.polwithcheck::text as checked_tree
  from pg_policy p join ours o on o.oid = p.polrelid
),
-- Both conditions of the policies for those whom people act as, each on its own.
conditions as (
  select p.name, c.told, c.tree
  from policies p, lateral (values (held, held_tree), (checked, checked_tree)) as c (told, tree)
  where roles && array['public', 'monynha_app', 'monynha_admin']::text[] and c.tree is not null
)

select 'danger' as level, name::text as object, 'Row-level security is off, or not forced on the owner.' as says
from ours where not (relrowsecurity and relforcerowsecurity)

union all
select 'danger', name, 'No policy: nobody but the owner was thought of.'
from ours where not exists (select from policies p where p.of = ours.oid)

union all
select 'danger', name, 'The policy names no role, so it holds for every one.'
from policies where 'public' = any (roles)

union all
-- What looks at no column, function or sub-select is the same for every row and every asker.
select distinct 'danger', name, 'The policy always holds, for a role that people act as.'
from conditions
where told <> 'false' and tree !~ '\{(VAR|FUNCEXPR|SUBLINK|SQLVALUEFUNCTION) ' or told ~ '\mOR true\M|\(true OR\M'

union all
select 'danger', name, 'The policy reads user_metadata, which users write themselves.'
from policies where held || checked ~ 'user_metadata|user_meta_data'

union all
-- Wrapped in a sub-select a call is made once a statement; pg_get_expr writes the wrapped one as `( SELECT auth.uid()`.
select 'warning', p.name, 'The policy asks who is asking once a row; wrap it in a sub-select.'
from policies p, calls
where regexp_replace(held || checked, 'SELECT ' || calls.told, '', 'g') ~ calls.told

union all
select 'danger', name, 'A function with its owner''s rights has no fixed search_path.'
from functions where prosecdef and not has_path

union all
-- A body that was parsed when it was made looks nothing up any more; and what is to be inlined has no path of its own.
select 'warning', f.name, 'A function looks names up by its caller''s search_path.'
from functions f join pg_language l on l.oid = f.prolang
where not (f.prosecdef or f.has_path) and f.prosqlbody is null and l.lanname not in ('c', 'internal')
  and (l.lanname <> 'sql' or f.prosrc ~* '\m(from|join|into|update)\M')

union all
select 'danger', name, 'Everybody may run a function with its owner''s rights.'
from functions where prosecdef and has_function_privilege('public', oid, 'execute')

union all
select 'danger', f.name, 'A function runs with the rights of a role that skips row-level security.'
from functions f join pg_roles r on r.oid = f.proowner
where f.prosecdef and (r.rolsuper or r.rolbypassrls)

union all
select 'danger', r.name || '.' || a.attname, 'People may read or write a column that is nobody''s business.'
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
where exists (
    select from people where has_column_privilege(people.oid, r.oid, a.attnum, 'select, insert, update')
  )
  and (r.name ~ '^auth\.' or a.attname ~ 'password|secret|token|_hash$'
    or r.name = 'public.users' and a.attname in ('email', 'email_verified'))

union all
select distinct 'danger', r.name, 'People hold a right on a table that row-level security does not look at.'
from ours r, people, unnest(array['truncate', 'trigger', 'references']) as right_to
where has_table_privilege(people.oid, r.oid, right_to)

union all
select 'danger', name, 'A view that people read runs with its owner''s rights and no security_barrier.'
from views where not coalesce(reloptions && array['security_barrier=true'], false)

union all
select 'danger', v.name, 'A view that people read runs with its owner''s rights and does not ask who is asking.'
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
select 'danger', v.name, 'A view that people read runs with the rights of a role that skips row-level security.'
from views v join pg_roles r on r.oid = v.relowner
where r.rolsuper or r.rolbypassrls

union all
select 'danger', name, 'People read a kind of table that takes no row-level security.'
from relations where relkind in ('m', 'f') and is_read

union all
select 'danger', r.rolname::text, 'A role that people or the program act as skips row-level security.'
from pg_roles r
where r.rolname in ('monynha_owner', 'monynha_app', 'monynha_admin', 'monynha_system')
  and (r.rolsuper or r.rolbypassrls)

union all
select 'danger', r.rolname::text, 'A role that people or the program act as has the rights of ' || o.rolname || ' too.'
from pg_auth_members m join pg_roles r on r.oid = m.member join pg_roles o on o.oid = m.roleid
where r.rolname in ('monynha_app', 'monynha_admin', 'monynha_system')

union all
select 'warning', s.name::text, 'People may make tables and functions in the schema.'
from schemas s
where exists (select from people where has_schema_privilege(people.oid, s.oid, 'create'))

union all
select 'warning', e.extname::text, 'The extension stands among our tables; give it a schema of its own.'
from pg_extension e join schemas s on s.oid = e.extnamespace

union all
select 'warning', r.name || ' "' || c.conname || '"', 'No index begins with a column of the foreign key.'
from pg_constraint c join ours r on r.oid = c.conrelid
where c.contype = 'f' and c.conparentid = 0
  and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey))

union all
select 'warning', two.indexrelid::regclass::text, 'The index is the same as ' || one.indexrelid::regclass::text || '.'
from ours r join pg_index one on one.indrelid = r.oid
join pg_index two on two.indrelid = r.oid and two.indexrelid > one.indexrelid
where (one.indkey, one.indclass, one.indcollation, one.indoption)
    = (two.indkey, two.indclass, two.indcollation, two.indoption)
  and (one.indexprs::text, one.indpred::text) is not distinct from (two.indexprs::text, two.indpred::text)

order by 1, 2, 3;
