-- Rights on the tables of the engine: idempotency keys and the event log. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.idempotency_keys
  for all to monynha_owner using (true) with check (true);
create policy "users can manage their own idempotency keys" on monynha.idempotency_keys
  for all to monynha_app, monynha_admin
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create policy "clean-up can view old idempotency keys" on monynha.idempotency_keys for select to monynha_system
  using (
    (select current_setting('monynha.actor', true)) = 'clean-up' and created_at < now() - interval '24 hours'
  );
create policy "clean-up can delete old idempotency keys" on monynha.idempotency_keys for delete to monynha_system
  using (
    (select current_setting('monynha.actor', true)) = 'clean-up' and created_at < now() - interval '24 hours'
  );

grant select (created_at), delete on monynha.idempotency_keys to monynha_system;
grant select (user_id, method, path, key, digest, created_id, created_at),
  insert (method, path, key, digest), update (digest, created_id, created_at)
  on monynha.idempotency_keys to monynha_app, monynha_admin;

-- The event log. No caller reads it directly: sockets and the activity view show what a caller can see.

create policy "owner role: full access for migrations and triggers" on monynha.streams
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.events
  for all to monynha_owner using (true) with check (true);
create policy "event hub can view stream versions" on monynha.streams for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'hub');
create policy "event hub can view events" on monynha.events for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'hub');
create policy "clean-up can view events" on monynha.events for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'clean-up');
grant select (kind, id, version) on monynha.streams to monynha_system;
grant select (kind, stream, version, at, resource, verb, row_id, new, old, actor) on monynha.events to monynha_system;

do $$
declare
  partition record;
begin
  for partition in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'monynha.events'::regclass
  loop
    execute format(
      'create policy "owner role: full access for migrations and triggers" on monynha.%I '
      'for all to monynha_owner using (true) with check (true)',
      partition.relname
    );
  end loop;
end
$$;

revoke execute on all functions in schema monynha from public;
grant execute on function monynha.create_event_partitions(integer), monynha.delete_events_of_day(date),
  monynha.drop_empty_event_partitions(timestamptz) to monynha_system;
select monynha.create_event_partitions(3);
