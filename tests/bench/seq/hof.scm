;; Lists of a million elements: build, filter, map, fold.
(define (build i list) (if (= i 0) list (build (- i 1) (cons i list))))

(define (filter keep? list)
  (cond ((null? list) '())
        ((keep? (car list)) (cons (car list) (filter keep? (cdr list))))
        (else (filter keep? (cdr list)))))

(define (fold combine result list)
  (if (null? list) result (fold combine (combine (car list) result) (cdr list))))

(define (round-trip)
  (fold + 0 (map (lambda (x) (+ (* 3 x) 1)) (filter (lambda (x) (= 0 (remainder x 2))) (build 1000000 '())))))

(define (repeat n) (if (= n 1) (round-trip) (begin (round-trip) (repeat (- n 1)))))

(check "hof" 750002000000 (bench "hof" (lambda () (repeat 5))))
