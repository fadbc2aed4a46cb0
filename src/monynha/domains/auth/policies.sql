-- Rights on accounts: only the system actor "auth" has any. Users reach their account through the functions granted
-- below and through /auth/v1. Applied as a whole by `monynha migrate`.

revoke all on all tables in schema auth from public, monynha_app, monynha_admin, monynha_system;
revoke all on all functions in schema auth from public, monynha_app, monynha_admin, monynha_system;

grant usage on schema auth to monynha_app, monynha_admin, monynha_system;
grant execute on function
  auth.uid(), auth.role(), auth.jwt(), auth.is_admin(), auth.is_anonymous(), auth.is_aal2(), auth.is_limited(),
  auth.is_project_limited(), auth.token_project_ids(), auth.can_write(), auth.can_administer(), auth.reader_uid(),
  auth.writer_uid(), auth.account_uid(), auth.unlimited_uid(), auth.owes_second_factor()
  to monynha_app, monynha_admin, monynha_system;
grant execute on function auth.set_actor(text, uuid, uuid), auth.set_actor_or_raise(text, uuid, uuid)
  to monynha_app, monynha_admin;
grant execute on function auth.level_of(boolean, text, boolean, boolean, boolean, boolean) to monynha_system;
grant select, insert, update, delete
  on auth.users, auth.identities, auth.sessions, auth.one_time_tokens, auth.authorization_codes, auth.factors,
    auth.factor_challenges, auth.recovery_codes, auth.passkeys, auth.oauth_flows, auth.oauth_clients,
    auth.oauth_consents, auth.oauth_authorizations to monynha_system;

create policy "owner role: full access for migrations and triggers" on auth.signing_keys
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage signing keys" on auth.signing_keys for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
grant select, insert, update, delete on auth.signing_keys to monynha_system;

-- API tokens. They are created by the auth service, for whoever has signed in and not come with a limited token.
create policy "owner role: full access for migrations and triggers" on public.api_tokens
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage API tokens" on public.api_tokens for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "users can create API tokens as they have signed in" on public.api_tokens for insert
  to monynha_app, monynha_admin
  with check (
    user_id = (select auth.unlimited_uid())
    and aal = coalesce((select auth.jwt()) ->> 'aal', 'aal1')
    and (project_ids is null or project_ids::uuid[] <@ array(select public.visible_project_ids()))
  );
create policy "users can view their API tokens" on public.api_tokens for select to monynha_app
  using (user_id = (select auth.unlimited_uid()));
create policy "users can revoke their API tokens" on public.api_tokens for delete to monynha_app
  using (user_id = (select auth.unlimited_uid()));
create policy "system admins can view all API tokens" on public.api_tokens for select to monynha_admin
  using ((select auth.is_admin()) and not (select auth.is_limited()));
create policy "system admins can revoke all API tokens" on public.api_tokens for delete to monynha_admin
  using ((select auth.is_admin()) and not (select auth.is_limited()));
grant select, insert, update, delete on public.api_tokens to monynha_system;
grant insert (id, name, prefix, scopes, project_ids, aal, expires_at) on public.api_tokens
  to monynha_app, monynha_admin;

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
create policy "owner role: full access for migrations and triggers" on auth.factors
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.factor_challenges
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.recovery_codes
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on auth.passkeys
  for all to monynha_owner using (true) with check (true);

create policy "owner role: full access for migrations and triggers" on auth.oauth_flows
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
create policy "auth service can manage second factors" on auth.factors for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage challenges" on auth.factor_challenges for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage recovery codes" on auth.recovery_codes for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage passkeys" on auth.passkeys for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
create policy "auth service can manage visits to providers" on auth.oauth_flows for all to monynha_system
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
