-- What the engine itself keeps. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on monynha.idempotency_keys for all to monynha_owner
  using (true) with check (true);
create policy "people keep their own keys" on monynha.idempotency_keys for all to monynha_app, monynha_admin
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

grant select (user_id, method, path, key, digest, created_id, created_at),
  insert (method, path, key, digest), update (digest, created_id, created_at)
  on monynha.idempotency_keys to monynha_app, monynha_admin;
