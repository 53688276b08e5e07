package contract

// Pages of items that may be large shrink until they fit into a message of the
// bus; what is left out is on the next page.

// Shrink asks for fewer messages.
func (q *HistoryAsk) Shrink() bool { return halve(&q.Limit) }

// Shrink asks for fewer hits.
func (q *SearchAsk) Shrink() bool { return halve(&q.Limit) }

// Shrink asks for fewer rooms.
func (q *MyRoomsAsk) Shrink() bool { return halve(&q.Limit) }

// Shrink asks for fewer rooms.
func (q *FindRoomsAsk) Shrink() bool { return halve(&q.Limit) }

// Shrink asks for fewer users.
func (q *ListUsersAsk) Shrink() bool { return halve(&q.Limit) }

// mostHalved bounds the first step down from a limit that is larger than what an
// answerer gives, or that is not set.
const mostHalved = 256

func halve(limit *int) bool {
	if *limit <= 0 || *limit > mostHalved {
		*limit = mostHalved
	}
	*limit /= 2
	return *limit > 0
}
