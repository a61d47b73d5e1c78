/**
 * types.js - the messages of `rostrum.v1` and the objects of the HTTP API, as types.
 *
 * Mirrors include/rostrum/protocol.schema.json; test/messages.test.js holds the two together.
 * Holds no code.
 */

/** @typedef {'owner'|'speaker'|'moderator'} Role */
/** @typedef {'scheduled'|'doors_open'|'live'|'ended'|'published'|'withdrawn'|'cancelled'} RoomState */
/** @typedef {'normal'|'economy'|'small_audience'|'lifeboat'} Mode */
/** @typedef {'open'|'live'|'end'|'cancel'} SteerAction */
/**
 * @typedef {'line'|'elsewhere'|'full'|'too_many_here'|'not_open'|'over'|'removed'|'too_many_hosts'|'overload'
 *   |'closing'|'banned'} RefusedReason
 */
/** @typedef {'closing'|'moving'|'replaced'|'removed'|'banned'|'idle'|'protocol'} ByeReason */
/**
 * @typedef {'bad_json'|'too_large'|'too_fast'|'unknown_type'|'unknown_field'|'bad_field'|'hello_first'
 *   |'hello_again'|'unknown_room'|'bad_token'|'revoked_token'|'not_allowed'|'consent_first'|'bad_wording'
 *   |'bad_sdp'|'bad_state'|'unknown_host'|'internal'} ErrorCode
 */

/** @typedef {{url: string, bytes: number, duration_ms: number}} Publication */
/**
 * @typedef {{slug: string, title: string, state: RoomState, start_ms?: number, live_ms?: number,
 *   ended_ms?: number, recording: boolean, stereo: boolean, mode: Mode, mode_cause?: string,
 *   small_audience_seats?: number, hosts: string[], publication?: Publication}} RoomView
 */
/** @typedef {{ticket: string, place: number, in_line: number, wait?: {from_s: number, to_s: number}}} Line */
/** @typedef {{url: string, ticket?: string, region?: string}} Elsewhere */
/** @typedef {{id: number, name: string, role: Role}} You */
/** @typedef {{wording: string, text: {en: string, de: string}, agreed: boolean}} Consent */
/**
 * @typedef {{id: number, name: string, role: Role, present: boolean, on_stage: boolean,
 *   muted: boolean, muted_by_moderator: boolean, agreed: boolean}} RosterHost
 */
/** @typedef {{id: number, level_dbov: number, speaking: boolean}} HostLevel */

/**
 * @typedef {{type: 'hello', ref?: string, room: string, as: 'listener'|'host', token?: string,
 *   region?: string}} Hello
 */
/** @typedef {{type: 'consent', ref?: string, wording: string}} ConsentMessage */
/** @typedef {{type: 'offer', ref?: string, sdp: string}} Offer */
/** @typedef {{type: 'mute', ref?: string, host?: number, muted: boolean}} Mute */
/** @typedef {{type: 'steer', ref?: string, action: SteerAction}} Steer */
/** @typedef {{type: 'remove', ref?: string, host: number}} Remove */
/** @typedef {{type: 'leave', ref?: string}} Leave */
/** @typedef {Hello|ConsentMessage|Offer|Mute|Steer|Remove|Leave} ClientMessage */

/**
 * @typedef {{type: 'welcome', ref?: string, server_time_ms: number, room: RoomView, you?: You,
 *   consent?: Consent}} Welcome
 */
/** @typedef {{type: 'room', room: RoomView}} RoomMessage */
/** @typedef {{type: 'roster', hosts: RosterHost[]}} Roster */
/** @typedef {{type: 'levels', levels: HostLevel[]}} Levels */
/**
 * @typedef {{type: 'audience', hearing: number, connected: number, in_line?: number,
 *   turned_away?: number, at_least?: boolean}} Audience
 */
/** @typedef {{type: 'answer', ref?: string, sdp: string, ticket?: string}} Answer */
/**
 * @typedef {{type: 'refused', ref?: string, reason: RefusedReason, message: string, line?: Line,
 *   elsewhere?: Elsewhere, retry_after_ms?: number}} Refused
 */
/** @typedef {{type: 'media', state: 'connected'|'lost', cause?: string}} Media */
/**
 * @typedef {{type: 'error', ref?: string, code: ErrorCode, message: string,
 *   allowed?: string}} ErrorMessage
 */
/** @typedef {{type: 'bye', reason: ByeReason, retry_after_ms?: number}} Bye */
/**
 * @typedef {Welcome|RoomMessage|Roster|Levels|Audience|Answer|Refused|Media|ErrorMessage
 *   |Bye} ServerMessage
 */

/**
 * @typedef {RoomView & {hearing: number, connected: number, in_line?: number, turned_away?: number,
 *   at_least?: boolean, seats: number, wanted_mode: Mode}} ApiRoom
 */
/**
 * @typedef {{state: RoomState, mode: Mode, mode_cause?: string, start_ms?: number, doors_ms?: number,
 *   server_time_ms: number, hearing: number, connected: number, in_line: number, turned_away: number,
 *   at_least?: boolean, moved: number, seats_free: boolean, poll_ms: number, publication?: Publication}} DoorView
 */
/**
 * @typedef {{answer: 'seat', ticket: string, hold_ms: number}
 *   | ({answer: 'elsewhere'} & Elsewhere)
 *   | {answer: 'line', state: RoomState, line: Line, retry_after_ms: number}} LineAnswer
 */
/** @typedef {{id: number, name: string, role: Role, stage_url: string, token: string}} InvitationLink */
/** @typedef {{slug: string, listen_url: string, hosts: InvitationLink[]}} CreatedRoom */
/** @typedef {{id: number, name: string, role: Role, revoked: boolean, agreed: boolean}} Invitation */
/** A network that a room excludes; by: a host's number, 0: the admin. @typedef {{id: number, network: string, by: number, created_ms: number}} Ban */
/** @typedef {{number: number, name: string, bytes: number, url: string}} Stem */
/**
 * @typedef {{slug: string, title: string, start_ms?: number, hosts?: {name: string, role?: Role}[],
 *   seats?: number, stereo?: boolean}} RoomDraft
 */

/**
 * What happened at the door, by cause.
 * @typedef {'ask'|'ask_again'|'refused_rate'|'put_off'|'ticket_valid'|'ticket_bad'|'seated'|'lined'|'refused_full'
 *   |'refused_here'|'refused_closed'|'handshake_done'|'handshake_failed'|'lapsed'|'gave_up'} Arrival
 */
/** @typedef {Partial<Record<Arrival, number>>} Arrivals */
/**
 * The `span_s` seconds before `at_ms`: the most people at one time, all arrivals.
 * @typedef {{at_ms: number, span_s: number, hearing: number, connected: number, in_line: number,
 *   turned_away: number, seats: number, mode: Mode, cause?: string, arrivals?: Arrivals}} Sample
 */
/** @typedef {{network: string, attempts: number, too_high: number, arrivals: Arrivals}} Network */
/**
 * @typedef {{at_ms: number, kind: 'state'|'mode', state?: RoomState, mode?: Mode, wanted?: Mode,
 *   cause?: string|number, value?: string|number, limit?: string|number, host?: number}} Change
 */
/**
 * @typedef {{attempts: number, people: number, tickets_valid: number, tickets_bad: number,
 *   handshakes_done: number, handshakes_failed: number, busiest: number,
 *   busiest_share_permille: {from: number, to: number}, text: string}} Facts
 */
/**
 * @typedef {{slug: string, title: string, state: RoomState, start_ms?: number, live_ms?: number,
 *   ended_ms?: number, generated_ms: number,
 *   totals: {attempts: number, people: number, turned_away: number, by_cause: Record<Arrival, number>},
 *   peak: {hearing: number, hearing_ms: number, connected: number, in_line: number},
 *   facts: Facts, networks: {kept: number, missed: number, list: Network[]},
 *   changes: Change[], changes_complete: boolean, history: Sample[]}} Report
 */

export {};
