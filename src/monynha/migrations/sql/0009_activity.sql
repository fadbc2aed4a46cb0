-- Activity: the history of a project, as those who see it now may read it.

create function monynha.camel_case_keys(row_told jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_object_agg(
    lower(left(told.key, 1)) || substr(replace(initcap(replace(told.key, '_', ' ')), ' ', ''), 2), told.value
  ) from jsonb_each(row_told) told where told.key <> 'version'
$$;
comment on function monynha.camel_case_keys(jsonb) is 'A row''s values under the names that the outside knows.';

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
        select jsonb_object_agg(told.key, told.value) from jsonb_each(e.new) told where e.old ? told.key
      ))
      else monynha.camel_case_keys(e.new)
    end as new,
    e.actor as actor_id,
    e.at,
    e.version
  from monynha.events e
  where e.kind = 'project'
    and ((select auth.is_admin()) or e.stream = any (array(select public.visible_project_ids())));
comment on view public.activity is 'Who changed what in the projects that the asker sees.';
