-- Counts the bytes of a result while PostgreSQL builds it, and ends the statement above the limit.
--
-- Called for each row as soon as its JSON exists, so that no more than the limit is ever held. `nested_bytes` are those
-- of its nested rows, which were counted before it. The counter ends with the transaction.
create or replace function monynha.count_answer_bytes(row_json json, nested_bytes bigint, max_bytes bigint)
  returns json language plpgsql volatile set search_path = '' as $$
declare
  total bigint := coalesce(nullif(current_setting('monynha.answer_bytes', true), '')::bigint, 0)
    + pg_column_size(row_json) - nested_bytes;
begin
  if total > max_bytes then
    raise exception 'answer too large' using errcode = 'MN413', detail = max_bytes::text;
  end if;
  perform set_config('monynha.answer_bytes', total::text, true);
  return row_json;
end
$$;
comment on function monynha.count_answer_bytes(json, bigint, bigint) is
  'Returns the JSON of a row, unless the rows of the result have more bytes than are allowed.';
revoke execute on function monynha.count_answer_bytes(json, bigint, bigint) from public;
grant execute on function monynha.count_answer_bytes(json, bigint, bigint) to monynha_app, monynha_admin, monynha_system;
