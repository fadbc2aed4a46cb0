-- Notifications of users, written in the transaction of the change that causes them.

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  type varchar(50) not null,
  title varchar(500) not null,
  body text,
  data jsonb not null default '{}',
  read_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  version bigint not null default 1,
  constraint notification_type_is_known check (type in ('assigned', 'mentioned', 'added', 'due'))
);
comment on table public.notifications is 'Notifications, each for one user.';
create index notifications_user_id_created_at_idx on public.notifications (user_id, created_at desc, id desc);

create function monynha.increment_version() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.version := old.version + 1;
  return new;
end
$$;
comment on function monynha.increment_version() is 'Trigger: increments version; fires only if the row changed.';
create trigger notifications_increment_version before update on public.notifications
  for each row when (old.* is distinct from new.*) execute function monynha.increment_version();

create function public.create_notification(recipient uuid, type text, title text, body text, data jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Users are not notified of their own changes. Names are left out: they would outlive the users they belong to.
  if recipient is distinct from auth.uid() then
    insert into public.notifications (user_id, type, title, body, data)
      select u.id, create_notification.type, left(create_notification.title, 500), create_notification.body,
        create_notification.data || jsonb_build_object('actorId', auth.uid())
      from public.users u where u.id = recipient;
  end if;
end
$$;
comment on function public.create_notification(uuid, text, text, text, jsonb) is
  'Creates a notification for a user, unless the user is the caller.';

create function public.notify_task_assignee_and_mentions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  data jsonb := jsonb_build_object('projectId', new.project_id, 'taskId', new.id);
  old_description text := '';
  mentioned uuid;
begin
  if new.assignee_id is not null and (tg_op = 'INSERT' or new.assignee_id is distinct from old.assignee_id) then
    perform public.create_notification(new.assignee_id, 'assigned', new.title, 'You were assigned to this task.', data);
  end if;
  if tg_op = 'UPDATE' then
    old_description := coalesce(lower(old.description), '');
  end if;
  if position('@' in coalesce(new.description, '')) > 0 and lower(new.description) <> old_description then
    for mentioned in
      select u.id from public.project_members m
      join public.users u on u.id = m.user_id
      cross join lateral (select '(^|[^[:alnum:]_.@])@'
        || regexp_replace(lower(u.name), '([][\\.*+?^$(){}|])', '\\\1', 'g') || '($|[^[:alnum:]_])'
      ) as mention (pattern)
      where m.project_id = new.project_id
        and lower(new.description) ~ mention.pattern and old_description !~ mention.pattern
      order by u.id
    loop
      perform public.create_notification(mentioned, 'mentioned', new.title, 'You were mentioned in this task.', data);
    end loop;
  end if;
  return null;
end
$$;
comment on function public.notify_task_assignee_and_mentions() is
  'Trigger: notifies the new assignee of a task and the members mentioned in its description.';

-- Deferred, so that the counter of the project's stream is locked before those of users. The WHEN clauses keep rows
-- without an assignee or a mention free of cost.
create constraint trigger tasks_notify_on_insert after insert on public.tasks
  deferrable initially deferred for each row
  when (new.assignee_id is not null or position('@' in new.description) > 0)
  execute function public.notify_task_assignee_and_mentions();
create constraint trigger tasks_notify_on_update after update on public.tasks
  deferrable initially deferred for each row
  when (
    new.assignee_id is not null and new.assignee_id is distinct from old.assignee_id
    or position('@' in new.description) > 0 and new.description is distinct from old.description
  )
  execute function public.notify_task_assignee_and_mentions();

create function public.notify_new_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform public.create_notification(
    new.user_id, 'added', p.name, 'You were added to this project.',
    jsonb_build_object('projectId', new.project_id, 'role', new.role)
  ) from public.projects p where p.id = new.project_id;
  return null;
end
$$;
comment on function public.notify_new_member() is 'Trigger: notifies a new member.';
create constraint trigger project_members_notify_on_insert after insert on public.project_members
  deferrable initially deferred for each row when (new.role <> 'owner')
  execute function public.notify_new_member();

alter table public.notifications enable row level security;
alter table public.notifications force row level security;
