-- Rights on what belongs to sessions. Which sessions somebody sees and ends is the condition of the view
-- public.sessions: their own, system admins too. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on auth.known_devices
  for all to monynha_owner using (true) with check (true);
create policy "auth service can manage known devices" on auth.known_devices for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');
grant select, insert, update, delete on auth.known_devices to monynha_system;
