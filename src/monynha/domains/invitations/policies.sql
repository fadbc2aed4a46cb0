-- Rights on invitations. Applied as a whole by `monynha migrate`. They are written by functions alone, which check who
-- may add members in the role: nobody is granted an insert, update or delete.

create policy "owner role: full access for migrations and triggers" on public.invitations
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.invitation_tokens
  for all to monynha_owner using (true) with check (true);

create policy "members can view invitations to their projects" on public.invitations for select to monynha_app
  using (project_id = any (array(select public.visible_project_ids())));

create policy "system admins can view all invitations" on public.invitations for select to monynha_admin
  using ((select auth.is_admin()));

-- Members below aal2 do not see such a project.
create policy "what belongs to projects that require aal2 is withheld below it" on public.invitations
  as restrictive for all to monynha_admin
  using (project_id <> all ((select public.withheld_project_ids())::uuid[]))
  with check (project_id <> all ((select public.withheld_project_ids())::uuid[]));

grant select on public.visible_invitation_emails to monynha_app, monynha_admin;
grant execute on function
  monynha.create_invitation(uuid, text, text, text, interval),
  monynha.revoke_invitation(uuid),
  monynha.resend_invitation(uuid, text, interval),
  monynha.accept_invitation(uuid, text),
  monynha.decline_invitation(uuid, text)
  to monynha_app, monynha_admin;
grant execute on function
  monynha.invitation_by_token(text),
  monynha.decline_invitation_by_token(text),
  monynha.is_invited_address(text),
  monynha.expire_invitations(),
  monynha.delete_ended_invitations(timestamptz)
  to monynha_system;
