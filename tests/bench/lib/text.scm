;; Text: building it by ports (twice the work must take twice the time) and by joining; flonums as text, the
;; shortest that reads back, and back.
(define (build n)
  (let ((port (open-output-string)))
    (do ((i 0 (+ i 1))) ((= i n) (get-output-string port)) (write-string "piece, " port))))

(check "build" 7000000 (string-length (bench "build_1M" (lambda () (build 1000000)))))
(check "build" 14000000 (string-length (bench "build_2M" (lambda () (build 2000000)))))

(define words (let loop ((i 0) (l '())) (if (= i 1000000) l (loop (+ i 1) (cons (number->string i) l)))))
(check "join" 6888889 (string-length (bench "join_1M" (lambda () (join words ",")))))

(define (flonums n)
  (let loop ((i 0) (x 42) (list '()))
    (if (= i n)
        list
        (let ((next (remainder (+ (* x 1103515245) 12345) 2147483648)))
          (loop (+ i 1) next (cons (/ next 1048583.0) list))))))

(define numbers (flonums 500000))
(define texts (bench "flonum_print" (lambda () (map number->string numbers))))
(check "flonum_read" #t (equal? numbers (bench "flonum_read" (lambda () (map string->number texts)))))
