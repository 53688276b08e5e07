// A server where people have talked: what pictures and looks at every page are taken of.
import { Member } from './member.mjs'

// talk fills the server. Mei, who comes first, is its owner; the last conversation in it is the one that pictures show.
export async function talk(server) {
  const mei = await Member.signUp(server, 'mei', 'Mei Tanaka')
  const ben = await Member.signUp(server, 'ben', 'Ben Okoro')
  const jonas = await Member.signUp(server, 'jonas', 'Jonas Weber')
  const ada = await Member.signUp(server, 'ada', 'Ada Ek')

  const music = await ben.makes('music', { topic: 'What are you listening to?' })
  const garden = await jonas.makes('rooftop garden', { topic: 'Water on Mondays and Thursdays' })
  const launch = await mei.makes('launch', { topic: 'Thursday, 10:00. Checklist first, cake after.' })
  for (const member of [ben, jonas, ada]) await member.joins(launch)
  for (const room of [music, garden]) for (const member of [mei, ada]) await member.joins(room)

  await mei.says(await ada.room('general'), 'Welcome, everybody! Ask anything, there are no silly questions.')
  await jonas.says(garden, 'The first tomatoes are red.')
  await ada.says(garden, 'I will bring bread.')
  await ben.says(music, 'Found the record you hummed on Monday.')
  await ben.says(music, 'It was on the B side all along.')
  await ada.says(await mei.writesTo(ada), 'See you at the station, then.')
  await jonas.says(await jonas.writesTo(ada), 'Are you free at three?')
  const dinner = await jonas.ask('POST', '/v1/rooms', { kind: 'group', name: 'Friday dinner', members: [ada.user.id, ben.user.id, mei.user.id] })
  await ben.says(dinner, 'Who cooks? @ada @mei')

  const broken = await jonas.says(launch, 'The new sign-up page is live on staging. Please try to break it.')
  await ada.says(launch, 'Signed up as `<b>ada</b>` and it called me exactly that. Well done.', { reply_to: broken.seq })
  const open = await mei.says(launch, 'Good morning! Last round before Thursday: **what is still open?**')
  await ben.says(launch, 'The slow search is fixed, an index was missing. It is on staging since last night.')
  const load = await ben.says(launch, 'The load test runs now, numbers before lunch.')
  await jonas.says(launch, 'Two thousand people at once, or three?', { thread: load.seq })
  await ben.says(launch, 'Three. It did not even sweat.', { thread: load.seq })
  const dutch = await jonas.says(launch, 'Translations are in, except for Dutch. Tonight.')
  const guide = await ada.says(launch, 'The guide is ready to read. I would love a pair of fresh eyes on the part about backups.')
  await mei.says(launch, 'I can do that after lunch, @ada.', { reply_to: guide.seq })
  await ada.says(launch, 'Perfect, thank you!')
  const cake = await mei.says(launch, 'Then all we need is the cake. 🍰')
  for (const [who, { seq }, emoji] of [[ada, cake, '🎉'], [ben, cake, '🎉'], [jonas, cake, '😋'], [mei, dutch, '👍'], [ada, load, '👀'], [jonas, open, '✅']]) {
    await who.ask('PUT', `/v1/rooms/${launch.id}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`)
  }
  for (const who of [ada, jonas]) await who.ask('POST', `/v1/rooms/${launch.id}/read`, { seq: cake.seq })
  return { mei, ben, jonas, ada, launch, thread: load.seq }
}
