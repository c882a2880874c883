;; A text made of the digits of many numbers.
(define (build n)
  (let ((port (open-output-string)))
    (let loop ((i 0))
      (if (< i n) (begin (display i port) (loop (+ i 1)))))
    (get-output-string port)))

(check "strbuild" 1888888 (string-length (bench "strbuild" (lambda () (build 333333)))))
