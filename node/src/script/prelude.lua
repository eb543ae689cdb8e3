-- What of the sandbox is written in Lua: errors made plain where a script catches them, and tables that it cannot
-- change. Gets a table of functions of the node, returns what runs scripts.
local node = ...
local pcall_bare, xpcall_bare, resume_bare = pcall, xpcall, coroutine.resume
local rawset_bare, rawget_bare, setmetatable, type = rawset, rawget, setmetatable, type
local next_bare, select = next, select
local plain, error_at, sort_bare = node.plain, error, table.sort
local real = setmetatable({}, { __mode = "k" })

local function settle(ok, err, ...)
  if ok then return true, err, ... end
  err = plain(err)
  if type(err) == "table" then
    local text = err.err
    if type(text) == "string" or type(text) == "number" then err = text end
  end
  return false, err
end

function pcall(...)
  return settle(pcall_bare(...))
end

-- The handler runs after the stack is unwound, not at the error, where nothing could interrupt it. A script sees no
-- difference: it has no library that would look at the stack.
function xpcall(f, handler)
  local function handled(ok, err, ...)
    if ok then return true, err, ... end
    local called, result = pcall_bare(handler, plain(err))
    if called then return false, result end
    return false, "error in error handling"
  end
  return handled(pcall_bare(f))
end

local function resumed(ok, err, ...)
  if ok then return true, err, ... end
  return false, plain(err)
end

function coroutine.resume(...)
  return resumed(resume_bare(...))
end

function rawset(t, k, v)
  if real[t] then error_at("Attempt to modify a readonly table", 0) end
  return rawset_bare(t, k, v)
end

function _G.setmetatable(t, metatable)
  if real[t] then error_at("Attempt to modify a readonly table", 0) end
  return setmetatable(t, metatable)
end

function rawget(t, k)
  return rawget_bare(real[t] or t, k)
end

-- What a library's table shows is read from the real one, which a script never gets: the walk is over the proxy.
local function need_table(name, count, t)
  if type(t) == "table" then return end
  local given = count == 0 and "no value" or type(t)
  error_at("bad argument #1 to '" .. name .. "' (table expected, got " .. given .. ")", 3)
end

function next(...)
  local t, k = ...
  need_table("next", select("#", ...), t)
  return next_bare(real[t] or t, k)
end

function pairs(...)
  local t = ...
  need_table("pairs", select("#", ...), t)
  if real[t] then return next, t, nil end
  return next_bare, t, nil
end

function table.foreach(...)
  local t, f = ...
  local count = select("#", ...)
  need_table("foreach", count, t)
  if type(f) ~= "function" then
    local given = count < 2 and "no value" or type(f)
    error_at("bad argument #2 to 'foreach' (function expected, got " .. given .. ")", 2)
  end
  for k, v in next_bare, real[t] or t do
    local result = f(k, v)
    if result ~= nil then return result end
  end
end

-- Sorting in C cannot be interrupted: long tables are sorted here, by heaps.
local function sort_long(list, less, count)
  local function sift(root, last)
    local value = list[root]
    while true do
      local child = root * 2
      if child > last then break end
      if child < last and less(list[child], list[child + 1]) then child = child + 1 end
      if not less(value, list[child]) then break end
      list[root] = list[child]
      root = child
    end
    list[root] = value
  end
  for root = (count - count % 2) / 2, 1, -1 do sift(root, count) end
  for last = count, 2, -1 do
    list[1], list[last] = list[last], list[1]
    sift(1, last - 1)
  end
end

function table.sort(list, less)
  if type(list) == "table" and #list > 10000 then
    if less ~= nil and type(less) ~= "function" then
      error_at("bad argument #2 to 'sort' (function expected, got " .. type(less) .. ")", 2)
    end
    return sort_long(list, less or function(a, b) return a < b end, #list)
  end
  return sort_bare(list, less)
end

local next_match, tostring = node.string.next_match, tostring
string.find, string.match, string.gsub = node.string.find, node.string.match, node.string.gsub

local function text_of(value)
  if type(value) == "number" then return tostring(value) end
  return value
end

function string.gmatch(subject, pattern)
  subject, pattern = text_of(subject), text_of(pattern)
  local at = 1
  local function found(from, to, ...)
    if from == nil then
      at = #subject + 2
      return nil
    end
    at = to < from and from + 1 or to + 1
    return ...
  end
  if type(subject) ~= "string" or type(pattern) ~= "string" then next_match(subject, pattern, 1) end
  return function()
    if at > #subject + 1 then return nil end
    return found(next_match(subject, pattern, at))
  end
end
string.gfind = string.gmatch

for name, replacement in pairs(node.math) do math[name] = replacement end
for name, replacement in pairs(node.globals) do _G[name] = replacement end
for _, name in ipairs({ "dofile", "loadfile", "print", "require", "module", "newproxy", "package", "setfenv", "getfenv" }) do
  _G[name] = nil
end

local function locked(t)
  local proxy = setmetatable({}, { __index = t, __newindex = node.readonly, __metatable = false })
  real[proxy] = t
  return proxy
end

local eval, functions, library = {}, {}, {}
for name, value in pairs(_G) do
  if type(value) == "table" and value ~= _G then value = locked(value) end
  if name ~= "_G" then eval[name], functions[name] = value, value end
end
eval.redis, functions.redis = locked(node.redis), locked(node.redis_of_functions)
library.redis = locked(setmetatable(node.redis_of_libraries, { __index = node.missing }))
for _, globals in ipairs({ eval, functions, library }) do
  setmetatable(globals, { __index = node.missing })
end
eval._G = locked(eval)
getmetatable("").__metatable = locked({ __index = eval.string })

-- A library's code sees the means to register functions only; its functions see everything else.
local environment = {}
local of_functions = { __index = functions, __newindex = node.readonly, __metatable = false }
setmetatable(environment, of_functions)
real[environment], functions._G = functions, environment

local handler = node.handler
return {
  eval = eval,
  functions = functions,
  eval_environment = eval._G,
  function_environment = environment,
  loading = function(begins) of_functions.__index = begins and library or functions end,
  run = function(f) return xpcall_bare(f, handler) end,
  run_with = function(f, keys, args) return xpcall_bare(function() return f(keys, args) end, handler) end,
}
