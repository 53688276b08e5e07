package bus

// What a connection publishes and subscribes to beside the subjects of its
// calls and topics; permissions of servers are made of it.
const (
	// Answerers is the queue group in which instances of a role share its calls.
	Answerers = "answerers"
	// AnyLog matches the subject of every log: who appends publishes to it.
	AnyLog = "log.*"
	// DefaultInbox is what answers are sent to, unless [DialConfig] says else.
	DefaultInbox = "_INBOX"
)

// KeepLogs lists what who makes, reads and trims logs publishes to. The names of
// streams are a whole token to the server, so that it is any stream: Parley
// wants an account, or servers, of its own.
func KeepLogs() []string {
	return []string{
		"$JS.API.STREAM.CREATE.*",
		"$JS.API.STREAM.UPDATE.*",
		"$JS.API.STREAM.INFO.*",
		"$JS.API.STREAM.PURGE.*",
		"$JS.API.STREAM.MSG.GET.*",
		"$JS.API.CONSUMER.CREATE.>",
		"$JS.API.CONSUMER.DELETE.>",
		"$JS.FC.>", // flow control
	}
}
