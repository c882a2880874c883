(import (chezscheme))
(display "hello, world")
(newline)
