package ws

import "errors"

func newPoller(*Server) (poller, error) { return nil, errors.ErrUnsupported }
