-- The requests that wrk sends: each as a random user, with the token of that user.
-- TOKENS is the file of tokens, SCENARIO the scenario, DOCUMENT the GraphQL request with the id left open.

local tokens = {}
for line in io.lines(os.getenv('TOKENS')) do tokens[#tokens + 1] = line end
local scenario = os.getenv('SCENARIO')
local document = os.getenv('DOCUMENT')
local body = '{"title":"A new task","description":"Something to do","priority":"high","tags":["new"]}'

local function id(kind, number) return string.format('00000000-0000-4000-%s-%012x', kind, number) end

function init() math.randomseed(os.time()) end

function request()
  local number = math.random(1, #tokens)
  local headers = { ['authorization'] = 'Bearer ' .. tokens[number] }
  local task = id('b000', number + 20000 * math.random(0, 49))
  local project = '/api/v1/projects/' .. id('a000', number) .. '/tasks'
  if scenario == 'projects' then return wrk.format('GET', '/api/v1/projects', headers) end
  if scenario == 'tasks' then return wrk.format('GET', project .. '?limit=50', headers) end
  if scenario == 'task' then return wrk.format('GET', '/api/v1/tasks/' .. task, headers) end
  headers['content-type'] = 'application/json'
  if document then
    local row_id = scenario == 'graph1' and task or id('a000', number)
    return wrk.format('POST', '/graphql', headers, (document:gsub('ID_OF_ROW', row_id)))
  end
  return wrk.format('POST', project, headers, body)
end

function done(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('RESULT %f %f %f %d\n', summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors))
end
