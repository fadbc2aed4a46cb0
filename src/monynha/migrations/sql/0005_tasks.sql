-- Tasks of projects.

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  title varchar(500) not null,
  description text,
  status varchar(50) not null default 'todo',
  priority varchar(20) not null default 'medium',
  assignee_id uuid,
  due_date timestamptz,
  tags text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint task_title_is_not_blank check (title <> '' and title = btrim(title)),
  constraint task_status_is_known check (status in ('todo', 'in_progress', 'review', 'done')),
  constraint task_priority_is_known check (priority in ('low', 'medium', 'high', 'urgent')),
  constraint task_description_is_at_most_100_kb check (octet_length(description) <= 100000),
  constraint task_tags_are_at_most_50 check (cardinality(tags) <= 50),
  -- Deleting a membership unassigns the tasks of that user in the project, even under concurrent updates.
  constraint task_assignee_is_a_member foreign key (project_id, assignee_id)
    references public.project_members (project_id, user_id) on delete set null (assignee_id)
);
comment on table public.tasks is 'Tasks of projects.';
create index tasks_project_id_created_at_idx on public.tasks (project_id, created_at desc, id desc);
create index tasks_assignee_id_created_at_idx on public.tasks (assignee_id, created_at desc, id desc);
-- The index above also serves the foreign key to project_members. With project_id as its first column, the planner
-- would use it for the list of a project, too, and sort all rows: with many projects it expects almost no row of each.
create index tasks_status_idx on public.tasks (status);
create index tasks_due_date_idx on public.tasks (due_date);
create index tasks_pending_created_at_idx on public.tasks (created_at) where status in ('todo', 'in_progress');

create trigger tasks_set_updated_at before update on public.tasks
  for each row when (old.* is distinct from new.*) execute function monynha.set_updated_at();

alter table public.tasks enable row level security;
alter table public.tasks force row level security;
