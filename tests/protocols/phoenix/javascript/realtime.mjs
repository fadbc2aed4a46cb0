// Runs the RealtimeService of the seed, unchanged, on an official client and prints what it receives, one JSON object per line.
// node realtime.mjs <package> <url> <key> <email> <password> <projectId>
const [, , packageName, url, key, email, password, project] = process.argv;
const { createClient } = await import(packageName);
const supabase = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
const report = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const { data, error } = await supabase.auth.signInWithPassword({ email, password });
if (error) throw error;
const user = data.user.id;

class RealtimeService {
  subscribeToProjectTasks(projectId, callback) {
    return supabase
      .channel(`project-${projectId}-tasks`)
      .on(
        'postgres_changes',
        { event: '*', schema: 'public', table: 'tasks', filter: `project_id=eq.${projectId}` },
        callback
      );
  }

  subscribeToProjectMembers(projectId, callback) {
    return supabase
      .channel(`project-${projectId}-members`)
      .on(
        'postgres_changes',
        { event: '*', schema: 'public', table: 'project_members', filter: `project_id=eq.${projectId}` },
        callback
      );
  }

  subscribeToNotifications(userId, callback) {
    return supabase
      .channel(`user-${userId}-notifications`)
      .on(
        'postgres_changes',
        { event: 'INSERT', schema: 'public', table: 'notifications', filter: `user_id=eq.${userId}` },
        callback
      );
  }
}

const service = new RealtimeService();
const subscribed = (name, channel) =>
  new Promise((resolve, reject) =>
    channel.subscribe((status, error) => {
      if (status === 'SUBSCRIBED') resolve(channel);
      else if (status !== 'CLOSED') reject(new Error(`${name}: ${status} ${error}`));
    })
  );
const changes = (table) => (payload) =>
  report(table, { event: payload.eventType, new: payload.new, old: payload.old, errors: payload.errors });

await subscribed('tasks', service.subscribeToProjectTasks(project, changes('tasks')));
await subscribed('members', service.subscribeToProjectMembers(project, changes('project_members')));
await subscribed('notifications', service.subscribeToNotifications(user, changes('notifications')));

const room = supabase.channel(`project:${project}`, {
  config: { private: true, broadcast: { self: true, ack: true }, presence: { key: user } },
});
room.on('broadcast', { event: '*' }, (message) => report('broadcast', { event: message.event, payload: message.payload }));
room.on('presence', { event: 'sync' }, () => report('presence', { state: room.presenceState() }));
await subscribed('room', room);
report('sent', { answer: await room.send({ type: 'broadcast', event: 'wave', payload: { text: 'héllo', n: 1 } }) });
report('tracked', { answer: await room.track({ at: 'desk' }) });

const foreign = supabase.channel('project:00000000-0000-4000-8000-000000000000', { config: { private: true } });
foreign.subscribe((status, error) => {
  if (status === 'CHANNEL_ERROR') {
    report('refused', { error: String(error?.message ?? error) });
    supabase.removeChannel(foreign);
  }
});

process.stdin.on('data', async () => {
  await supabase.removeAllChannels();
  report('left');
  process.exit(0);
});
report('ready');
