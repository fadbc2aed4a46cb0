-- Rights on activity: the view public.activity filters by the caller itself. Applied as a whole by `monynha migrate`.

grant execute on function monynha.camel_case_keys(jsonb) to monynha_app, monynha_admin;
