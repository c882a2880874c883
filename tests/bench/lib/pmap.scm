;; Persistent maps: a million keys put in, looked up with as many that are not there.
(define n 1000000)

(define (spread i) (remainder (* i 7919) 15485863))

(define (put-all)
  (let loop ((i 0) (m empty-map)) (if (= i n) m (loop (+ i 1) (map-set m (spread i) i)))))

(define (sum-all m)
  (let loop ((i 0) (sum 0))
    (if (= i (* 2 n)) sum (loop (+ i 1) (+ sum (map-ref m (spread i) 0))))))

(if empty-map
    (let ((m (bench "pmap_set" put-all)))
      (check "pmap_ref" 499999500000 (bench "pmap_ref" (lambda () (sum-all m))))))
