-- The data of the benchmark: 10,000 users, 20,000 projects, 60,000 memberships, 1,000,000 tasks.
-- Ids are computed, so that a load generator needs no query to find them. Runs as monynha_owner.

create or replace function pg_temp.user_id(n bigint) returns uuid language sql immutable as
  $$ select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create or replace function pg_temp.session_id(n bigint) returns uuid language sql immutable as
  $$ select ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create or replace function pg_temp.project_id(n bigint) returns uuid language sql immutable as
  $$ select ('00000000-0000-4000-a000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create or replace function pg_temp.task_id(n bigint) returns uuid language sql immutable as
  $$ select ('00000000-0000-4000-b000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

insert into auth.users (id, email, email_confirmed_at)
select pg_temp.user_id(n), 'person' || n || '@bench.example', now() from generate_series(1, 10000) n;
insert into auth.sessions (id, user_id)
select pg_temp.session_id(n), pg_temp.user_id(n) from generate_series(1, 10000) n;
insert into public.users (id, email, name, email_verified, created_at)
select pg_temp.user_id(n), 'person' || n || '@bench.example', 'Person ' || n, true, now() - n * interval '1 minute'
from generate_series(1, 10000) n;

insert into public.projects (id, name, description, owner_id, created_at)
select pg_temp.project_id(n), 'Project ' || n, 'Description of project ' || n, pg_temp.user_id((n - 1) % 10000 + 1),
  now() - n * interval '1 minute'
from generate_series(1, 20000) n;
-- Each project has its owner and two other members.
insert into public.project_members (project_id, user_id, role)
select pg_temp.project_id(n), pg_temp.user_id((n + 36 + k * 4999) % 10000 + 1), 'member'
from generate_series(1, 20000) n, generate_series(1, 2) k on conflict do nothing;

-- The load needs no events, and a million of them would take minutes.
alter table public.tasks disable trigger user;
insert into public.tasks (id, project_id, title, description, status, priority, assignee_id, due_date, tags, created_at)
select pg_temp.task_id(n), pg_temp.project_id((n - 1) % 20000 + 1), 'Task ' || n, 'Description of task ' || n,
  (array['todo', 'in_progress', 'review', 'done'])[n % 4 + 1], (array['low', 'medium', 'high', 'urgent'])[n % 3 + 1],
  pg_temp.user_id((((n - 1) % 20000)) % 10000 + 1), now() + n * interval '1 second', array['tag' || n % 7, 'all'],
  now() - n * interval '1 second'
from generate_series(1, 1000000) n;
alter table public.tasks enable trigger user;

analyze;
