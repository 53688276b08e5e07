// Package contract is the switchboard: every call and notice between roles, a
// line each, and the only place that knows their subjects.
//
// A call is a question to one instance of the role that answers it; a topic is
// told to whoever listens, and may be lost. What rides on every message is hand
// encoded (notice.go, page.go); the rest is JSON.
package contract
