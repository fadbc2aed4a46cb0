-- Rights on the people of the system: only system admins see them, and act on them by functions. Applied as a whole by
-- `monynha migrate`.

grant execute on function
  monynha.require_system_admin(),
  monynha.promote_person(uuid),
  monynha.demote_person(uuid),
  monynha.ban_person(uuid),
  monynha.unban_person(uuid),
  monynha.sign_out_person(uuid),
  monynha.delete_person(uuid)
  to monynha_admin;
