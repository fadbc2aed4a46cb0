-- Who may see activity: the view says so itself. Applied whole by `migrate`; the last word.

grant execute on function monynha.camel_case_keys(jsonb) to monynha_app, monynha_admin;
