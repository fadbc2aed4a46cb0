-- Posts: what people tell everybody.

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  title varchar(255) not null,
  content text not null,
  author_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint "a post has a title" check (title <> '' and title = btrim(title)),
  constraint "a post is at most 100 kB" check (octet_length(content) <= 100000)
);
comment on table public.posts is 'Posts, readable by everybody who is signed in.';
create index posts_by_age on public.posts (created_at desc, id desc);
create index posts_by_author on public.posts (author_id, created_at desc, id desc);

create trigger posts_are_touched before update on public.posts
  for each row when (old.* is distinct from new.*) execute function monynha.touch();

alter table public.posts enable row level security;
alter table public.posts force row level security;
