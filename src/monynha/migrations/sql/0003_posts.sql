-- Posts, readable by every signed-in user.

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  title varchar(255) not null,
  content text not null,
  author_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint post_title_is_not_blank check (title <> '' and title = btrim(title)),
  constraint post_content_is_at_most_100_kb check (octet_length(content) <= 100000)
);
comment on table public.posts is 'Posts, readable by every signed-in user.';
create index posts_created_at_idx on public.posts (created_at desc, id desc);
create index posts_author_id_created_at_idx on public.posts (author_id, created_at desc, id desc);

create trigger posts_set_updated_at before update on public.posts
  for each row when (old.* is distinct from new.*) execute function monynha.set_updated_at();

alter table public.posts enable row level security;
alter table public.posts force row level security;
