-- Activity: the event log of a project, readable by its current members.

create function monynha.camel_case_keys(row_values jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_object_agg(
    lower(left(pair.key, 1)) || substr(replace(initcap(replace(pair.key, '_', ' ')), ' ', ''), 2), pair.value
  ) from jsonb_each(row_values) pair where pair.key <> 'version'
$$;
comment on function monynha.camel_case_keys(jsonb) is
  'The values of a row under the camelCase names of the API, without its version.';

create view public.activity with (security_barrier) as
  select
    md5(e.stream::text || e.version)::uuid as id,
    e.stream as project_id,
    e.version as position,
    e.resource,
    case e.verb when 'insert' then 'created' when 'update' then 'updated' else 'deleted' end as verb,
    e.row_id,
    monynha.camel_case_keys(e.old) as old,
    case when e.verb = 'update'
      then monynha.camel_case_keys((
        select jsonb_object_agg(pair.key, pair.value) from jsonb_each(e.new) pair where e.old ? pair.key
      ))
      else monynha.camel_case_keys(e.new)
    end as new,
    e.actor as actor_id,
    e.at,
    e.version
  from monynha.events e
  where e.kind = 'project'
    and ((select auth.is_admin()) or e.stream = any (array(select public.visible_project_ids())));
comment on view public.activity is 'Who changed what in the projects that the caller can see.';
