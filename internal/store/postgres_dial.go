package store

import (
	"net"
	"time"
)

// patience is after how long a connection that gives no sign of life is given
// up, at either end.
const patience = 3 * time.Second

// dialer makes connections that notice within patience when the other end is
// gone, whether or not there is something to send.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: int(patience / time.Second)},
		Control:         limitUnanswered,
	}
}
