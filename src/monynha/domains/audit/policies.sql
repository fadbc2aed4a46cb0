-- Rights on the audit log: events are recorded by a function and seen by system admins; no role may change or delete
-- one. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.audit_events
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.audit_seals
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.audit_horizon
  for all to monynha_owner using (true) with check (true);
create policy "system admins can view audit events" on monynha.audit_events for select to monynha_admin
  using ((select auth.is_admin()));

create policy "clean-up can view audit events" on monynha.audit_events for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'clean-up');

grant select (
    number, id, action, actor_id, actor_role, target_type, target_id, details, ip, user_agent, request_id, created_at
  ) on monynha.audit_events to monynha_admin, monynha_system;
grant execute on function
  monynha.record_audit_event(text, uuid, text, text, text, jsonb, text, text, text)
  to monynha_app, monynha_admin, monynha_system;
grant execute on function
  monynha.mark_audit_horizon(), monynha.is_audit_horizon_marked(), monynha.seal_audit_events(), monynha.sign_audit_seal(bigint, bytea, text),
  monynha.check_audit_seals(bigint, integer), monynha.count_unsealed_audit_events(),
  monynha.oldest_audit_seal(timestamptz), monynha.delete_sealed_audit_events(bigint)
  to monynha_system;
