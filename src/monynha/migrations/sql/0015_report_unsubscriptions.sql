-- Who has ended the mails of weekly reports by the link in them.

create table monynha.report_unsubscriptions (
  owner_id uuid primary key references public.users (id) on delete cascade,
  created_at timestamptz not null default now()
);
comment on table monynha.report_unsubscriptions is 'Project owners who want no weekly reports.';

alter table monynha.report_unsubscriptions enable row level security;
alter table monynha.report_unsubscriptions force row level security;
