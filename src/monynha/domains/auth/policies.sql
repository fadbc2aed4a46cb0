-- Rights on accounts: only the system actor "auth" has any. Users reach their account through the functions granted
-- below and through /auth/v1. Applied as a whole by `monynha migrate`.

revoke all on all tables in schema auth from public, monynha_app, monynha_admin, monynha_system;
revoke all on all functions in schema auth from public, monynha_app, monynha_admin, monynha_system;

grant usage on schema auth to monynha_app, monynha_admin, monynha_system;
grant execute on function auth.uid(), auth.role(), auth.jwt(), auth.is_admin()
  to monynha_app, monynha_admin, monynha_system;
grant execute on function auth.set_actor(text, uuid, uuid), auth.set_actor_or_raise(text, uuid, uuid)
  to monynha_app, monynha_admin;
grant select, insert, update, delete
  on auth.users, auth.identities, auth.sessions, auth.one_time_tokens, auth.authorization_codes to monynha_system;
grant select, insert, update, delete
  on auth.oauth_clients, auth.oauth_consents, auth.oauth_authorizations to monynha_system;

-- SECURITY DEFINER functions, foreign keys and dumps run as the owner; no request does.
create policy "owner role: full access for migrations and triggers" on auth.users
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.identities
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.sessions
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.one_time_tokens
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.authorization_codes
  for all to monynha_owner using (true) with check (true);

create policy "auth service can manage accounts" on auth.users for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage identities" on auth.identities for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage sessions" on auth.sessions for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage one-time tokens" on auth.one_time_tokens for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage authorization codes" on auth.authorization_codes for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');

create policy "owner role: full access for migrations and triggers" on auth.oauth_clients
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage OAuth clients" on auth.oauth_clients for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');

create policy "owner role: full access for migrations and triggers" on auth.oauth_consents
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage OAuth consents" on auth.oauth_consents for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');

create policy "owner role: full access for migrations and triggers" on auth.oauth_authorizations
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage OAuth authorizations" on auth.oauth_authorizations for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
