-- Rights on the audit log: events are recorded by a function and seen by system admins; no role may change or delete
-- one. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.audit_events
  for all to monynha_owner using (true) with check (true);
create policy "system admins can view audit events" on monynha.audit_events for select to monynha_admin
  using ((select auth.is_admin()));

grant select (
    number, id, action, actor_id, actor_role, target_type, target_id, details, ip, user_agent, request_id, created_at
  ) on monynha.audit_events to monynha_admin;
grant execute on function
  monynha.record_audit_event(text, uuid, text, text, text, jsonb, text, text, text)
  to monynha_app, monynha_admin, monynha_system;
