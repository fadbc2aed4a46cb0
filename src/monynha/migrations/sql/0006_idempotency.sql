-- Idempotency keys: a create request that is sent again with the same key creates no second row.

create table monynha.idempotency_keys (
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  method text not null,
  path text not null,
  key text not null,
  digest bytea not null,
  created_id uuid,
  created_at timestamptz not null default now(),
  primary key (user_id, method, path, key)
);
comment on table monynha.idempotency_keys is 'Successful create requests by Idempotency-Key, kept for 24 hours.';
create index idempotency_keys_created_at_idx on monynha.idempotency_keys (created_at);

alter table monynha.idempotency_keys enable row level security;
alter table monynha.idempotency_keys force row level security;
